"""Who is told what has become of a run."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from viper.settings.section import Section

_BLOCK = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")

Occurrence = Literal["failed", "crashed", "collapse", "approval", "refused", "promoted"]
"""What somebody can be told of."""


def _is_block(text: str) -> str:
    if text and not _BLOCK.fullmatch(text):
        raise ValueError(
            f"{text!r} names no block. Expected TYPE/NAME as the Prefect UI shows it under Blocks, such as "
            '"slack-webhook/team".'
        )
    return text


class NotifySettings(Section):
    """Who is told what has become of a run. Nothing here decides a result."""

    block: Annotated[str, AfterValidator(_is_block)] = ""
    """The notification block of the Prefect server that sends the message, as TYPE/NAME, such as
    ``slack-webhook/team``; empty tells nobody. The block holds the address and its secrets; they never stand here."""
    on: tuple[Occurrence, ...] = Field(default=("failed", "crashed", "collapse", "approval"), strict=False)
    """What is told: a run that failed, one whose process or machine is gone, a collapse, a candidate that waits for
    approval, a candidate that was refused, a promotion."""
