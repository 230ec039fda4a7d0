"""Asks a web server one question, with the patience that a start of the server takes, and says why it does not answer.

Only what the project itself needs to know before work: the libraries talk to the servers in ways of their own.
"""

import base64
import http.client
import json
import ssl
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_ANSWER_S = 3.0
_UNJUDGED = 200, b"null"
"""Of a server whose certificate is not known here: the libraries have variables of their own for certificates."""


class AwayError(Exception):
    """A server does not answer now; the text says why."""


def ask(page: str, login: str, token: str, patience_s: float = 0.0) -> tuple[int, bytes]:
    """The status of the answer and what it says.

    Args:
        page: An ``http`` or ``https`` address.
        login: ``NAME:PASSWORD``, or no more than the colon.
        token: Stands in place of the login; empty for none.
        patience_s: So long the server may be away, in seconds.

    Raises:
        AwayError: There is no answer, or one that the server has a fault.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return _ask_once(page, login, token)
        except AwayError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)


def _ask_once(page: str, login: str, token: str) -> tuple[int, bytes]:
    request = Request(page)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    elif login.strip(":"):
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=_ANSWER_S) as answer:  # the scheme was looked at: http or https
            return int(answer.status), bytes(answer.read(2**20))
    except HTTPError as refusal:
        with refusal:
            if refusal.code >= 500:
                raise AwayError(f"it answers {refusal.code}") from refusal
            return int(refusal.code), b""
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return _UNJUDGED
        raise AwayError(str(reason) or type(reason).__name__) from error


def is_json(body: bytes) -> bool:
    """Whether an answer is JSON, as those of an API are."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
