"""How long texts will be and what the filter will keep: measured, or estimated from the limits of the settings."""

from viper.records import Record
from viper.settings import GrpoStage, Settings

LONG, SHORT = 0.5, 0.25
"""Shares of its limit that a text has: captions and answers that enumerate, and the few sentences of a critique."""
LETTER = 16
"""Tokens of a benchmark's answer, which is mostly a letter."""
DISTINCT = 4
"""Corrections of a picture, however many draws there are: most say what another said."""
OUTSIDE = "estimate from the limits of the settings"


class Expectations(Record):
    """What a round's texts and yields are expected to be."""

    caption: float
    """Tokens."""
    critique: float
    """Tokens."""
    operation: float
    """Tokens of a reply that proposes operations."""
    reply: float
    """Tokens of an answer to a benchmark's question."""
    rollout: dict[str, float]
    """Tokens, by stage."""
    rewritten: float
    """Distinct corrections of a picture, each of which the caption is rewritten by."""
    refined: float
    """Paintings that judge the corrections of a picture one by one, of all noise seeds together."""
    united: float
    """Paintings of a picture's corrections together."""
    planned: float
    """Edited pictures, as a share of those that were asked for."""
    kept: dict[str, float]
    """Rows of a lesson's dataset version, as a share of pictures (csr) or of edited pictures (vop)."""
    source: str
    """Where these figures come from."""


def estimated(settings: Settings) -> Expectations:
    """What is expected where nothing was measured: a few corrections a picture, all edits planned."""
    synthesis, stages = settings.synthesis, settings.training.stages
    distinct = min(synthesis.critiques, DISTINCT)
    limits = {one.name: one.max_completion_tokens if isinstance(one, GrpoStage) else LETTER * 4 for one in stages}
    return Expectations(
        caption=LONG * synthesis.max_new_tokens,
        critique=SHORT * synthesis.max_new_tokens,
        operation=SHORT * synthesis.max_new_tokens,
        reply=min(LETTER, settings.benchmarks.max_new_tokens),
        rollout={name: SHORT * limit for name, limit in limits.items()},
        rewritten=distinct,
        refined=distinct,
        united=1.0,
        planned=1.0,
        kept={"csr": 0.7, "vop": 0.7},
        source=OUTSIDE,
    )
