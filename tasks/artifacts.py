"""Pages and progress in the Prefect UI, under keys of their evolution.

A server that is away costs a page, not a round. Prefect, which takes seconds to import, is imported when there is
something to show: what is checked before any work uses this module too.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

log = logging.getLogger("viper")


def show_page(evolution: str, page: str, markdown: str, description: str) -> None:
    """A page of the present run, and a version of that page of the evolution.

    Args:
        evolution: Its name.
        page: What it shows, such as ``verdict``.
        markdown: The page. What others wrote in it is escaped.
        description: Above it, in Markdown.
    """
    from prefect.artifacts import create_markdown_artifact

    with _spared(f"the page {page!r}"):
        create_markdown_artifact(markdown, key=page_key(evolution, page), description=description)


def page_key(evolution: str, page: str) -> str:
    """Under which Prefect keeps a page: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{evolution}-{page}".lower()).strip("-")


class Bar:
    """A bar of progress on the page of the present run.

    Args:
        key: What progresses, such as ``training-csr``.
        title: The same for people.
    """

    def __init__(self, key: str, title: str) -> None:
        from prefect.artifacts import create_progress_artifact

        self._title = title
        self._bar: UUID | None = None
        with _spared(f"the progress of {title}"):
            created = create_progress_artifact(0.0, key=page_key(key, "progress"), description=title)
            self._bar = created if isinstance(created, UUID) else None

    def show(self, percent: float, said: str) -> None:
        """Move it, and say where it stands."""
        from prefect.artifacts import update_progress_artifact

        if self._bar is not None:
            with _spared(f"the progress of {self._title}"):
                update_progress_artifact(self._bar, percent, description=f"{self._title}: {said}")


@contextmanager
def _spared(what: str) -> Iterator[None]:
    import httpx
    from prefect.exceptions import PrefectException

    try:
        yield
    except (httpx.HTTPError, PrefectException, OSError) as error:
        log.warning("Prefect does not take %s: %s", what, error)
