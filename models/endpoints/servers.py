"""Requests to several servers of one model: bounded in number, retried where that helps, and counted."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, TypeVar

import httpx2

from viper.endpoints import KEY, vlm_endpoint_key, vlm_endpoints
from viper.errors import AddressError, EndpointAway
from viper.settings import EndpointServing

TRIES = 6
"""Requests until an answer, in all, each to whichever server is free."""
REST_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""So long a server is left alone after it failed once, twice, … in a row, in seconds."""
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which asking again may succeed."""
REFUSED = (401, 403)

Item = TypeVar("Item")
Found = TypeVar("Found")
log = logging.getLogger("viper")


@dataclass
class Server:
    """One address."""

    address: str
    client: httpx2.Client
    busy: int = 0
    """Requests that it has now."""
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0


@dataclass
class Usage:
    """What was asked and answered so far."""

    requests: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0

    def __str__(self) -> str:
        """As people read it."""
        return (
            f"{self.requests:,} requests, {self.retries:,} of them asked again, {self.prompt_tokens:,} prompt tokens, "
            f"{self.reply_tokens:,} reply tokens"
        )


class Answerless(Exception):
    """A server gave no answer that can be used; another try may get one.

    Args:
        message: Which server, and what was found.
        status: Of its answer; 0 for none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Refusal(Exception):
    """A server understood a request and refuses it; the text is for people.

    Args:
        message: Who refuses what, in the server's words.
        status: Of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Addresses:
    """Where servers are."""

    all: tuple[str, ...]
    key: str
    """That they ask for; empty for none."""


@dataclass
class Servers:
    """The servers of one model.

    Args:
        serving: How they are asked.
        addresses: Where they are; ``None`` for those that the environment names.
    """

    serving: EndpointServing
    addresses: Addresses | None = None
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        where = self.addresses or Addresses(vlm_endpoints(), vlm_endpoint_key())
        headers = {"Authorization": f"Bearer {where.key}"} if where.key else {}
        # Reading waits for a whole reply; to connect takes no time where a server is there.
        patience = httpx2.Timeout(self.serving.timeout_s, connect=min(10, self.serving.timeout_s))
        room = httpx2.Limits(max_connections=None, max_keepalive_connections=self.serving.requests_in_flight)
        self.all = [
            Server(one, httpx2.Client(base_url=one, headers=headers, timeout=patience, limits=room))
            for one in where.all
        ]
        self._changed = Condition()

    def close(self) -> None:
        """End all connections."""
        for server in self.all:
            server.client.close()

    def each(self, work: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
        """What ``work`` gives for each item, in order, as many at a time as the servers may have requests.

        Raises:
            ViperError: What the first work that failed raised; what has not begun by then does not begin.
        """
        threads = ThreadPoolExecutor(len(self.all) * self.serving.requests_in_flight, "viper-endpoint")
        try:
            pending = [threads.submit(work, item) for item in items]
            for one in pending:
                yield one.result()
        finally:
            threads.shutdown(cancel_futures=True)

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of any server.

        Raises:
            EndpointAway: No server answered in ``TRIES`` tries.
            Refusal: A server refuses the request.
            AddressError: A server refuses the key.
        """
        said, failed = "", set[str]()
        for number in range(TRIES):
            server = self._take(failed)
            try:
                answer = self.call(server, "POST", path, body)
            except Answerless as error:
                said = str(error)
                failed.add(server.address)
                log.warning("%s (try %s of %s)", said, number + 1, TRIES)
                self._give_back(server, failed=True)
                continue
            except BaseException:
                self._give_back(server, failed=False)
                raise
            self._give_back(server, failed=False)
            self._count(answer.get("usage") or {}, number)
            return answer
        raise EndpointAway(f"{said}. The last of {TRIES} tries at {len(self.all)} servers (VIPER_VLM_ENDPOINTS).")

    def call(self, server: Server, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of one server, in one try.

        Raises:
            Answerless: It gives none, or says that it cannot now.
            Refusal: It refuses the request.
            AddressError: It refuses the key.
        """
        try:
            answer = server.client.request(method, path, json=body)
        except httpx2.HTTPError as error:
            raise Answerless(f"{server.address} does not answer ({str(error) or type(error).__name__})") from error
        if answer.status_code in PASSING:
            found = f"{server.address} answers {answer.status_code}: {answer.text[:300]}"
            raise Answerless(found, answer.status_code)
        if answer.status_code in REFUSED:
            raise AddressError(f"{server.address} refuses the key ({answer.status_code}). Correct {KEY}.")
        if answer.status_code >= 400:
            found = f"{server.address}{path} answers {answer.status_code}: {answer.text[:500]}"
            raise Refusal(found, answer.status_code)
        try:
            read: Any = answer.json() if answer.content else {}
        except ValueError:
            read = {"text": answer.text}
        return read if isinstance(read, dict) else {"text": str(read)}

    def _take(self, failed: Collection[str]) -> Server:
        """A server with room: the least busy of those that do not rest, and one that did not fail this request."""
        with self._changed:
            while True:
                now = time.monotonic()
                awake = [one for one in self.all if one.rests_until <= now]
                awake = [one for one in awake if one.address not in failed] or awake
                if free := [one for one in awake if one.busy < self.serving.requests_in_flight]:
                    server = min(free, key=lambda one: one.busy)
                    server.busy += 1
                    return server
                resting = [one.rests_until - now for one in self.all if one.rests_until > now]
                self._changed.wait(min(resting, default=None))

    def _give_back(self, server: Server, *, failed: bool) -> None:
        with self._changed:
            server.busy -= 1
            if failed:
                server.rests_until = time.monotonic() + REST_S[min(server.failures, len(REST_S) - 1)]
            server.failures = server.failures + 1 if failed else 0
            self._changed.notify_all()

    def _count(self, usage: dict[str, Any], retries: int) -> None:
        with self._changed:
            self.usage.requests += 1 + retries
            self.usage.retries += retries
            self.usage.prompt_tokens += int(usage.get("prompt_tokens") or 0)
            self.usage.reply_tokens += int(usage.get("completion_tokens") or 0)
