"""``viper plan``: what a round costs, before it begins."""

from commands.progress import bars, show_log
from commands.tables import TextTable, show_table
from commands.terminal import say, working
from flows.plan.account import make_plan
from flows.plan.cards import card_of
from flows.plan.records import Plan
from models.sizes.cards import find_card
from viper.errors import ProfileError
from viper.settings import Settings

WIDTH = 150
"""Characters that the table of steps needs."""


def plan_round(settings: Settings, gpus: int, card: str) -> Plan:
    """The plan of a profile on a card by name, or on what is here.

    Raises:
        ViperError: There is no such card, or nothing is known of a model.
    """
    return make_plan(settings, find_card(card) if card else card_of(settings), gpus)


def measure_round(settings: Settings, card: str) -> None:
    """Time a small part of a round of the profile on this machine, after what is checked before every round.

    Raises:
        ViperError: A check fails, the card is none that is here, or a step fails.
    """
    from flows.plan.measure import measure
    from flows.preflight import check

    here = card_of(settings)
    if card and card != here.name:
        raise ProfileError(f"--card is {card!r}, but a measurement is of what is here: {here.name}. Leave --card out.")
    check(settings, 1)
    show_log()
    with working("the same command"), bars():
        measure(settings, here.name)


def show_plan(plan: Plan) -> None:
    """Print it: counts, steps, memory, disk, and what does not fit."""
    on_cpu = plan.card.name == "cpu"
    machine = "one core of this machine" if on_cpu else f"{plan.gpus} × {plan.card.name}"
    say(f"One round of {plan.profile!r} on {machine} ({plan.card.memory_bytes / 2**30:.1f} GiB)", bold=True)
    say("Makes      " + ", ".join(f"{count:,.0f} {what}" for what, count in plan.counts.items()))
    say(f"Picture    {plan.picture}")
    say(f"Expects    {_expected(plan)}")
    show_table(_steps(plan), WIDTH)
    show_table(_memory(plan), WIDTH)
    hours = sum(line.gpu_hours for line in plan.lines)
    used = "" if on_cpu else f"; {hours:,.1f} GPU-hours of work, {plan.seconds / 3600 * plan.gpus:,.1f} reserved"
    say(f"Wall time  {duration(plan.seconds)}{used}", bold=True)
    say(f"Store      {plan.stored_bytes / 1e9:,.2f} GB a round; to download {plan.download_bytes / 1e9:,.1f} GB")
    for role, source in plan.models.items():
        say(f"Sizes      {role}: {source}")
    for note in plan.notes:
        say(f"Note       {note}")
    for fault in plan.faults:
        say(f"Does not fit: {fault}", fg="red")
    if not plan.faults:
        say(f"Fits       every phase, by the plan, within 95 % of {plan.card.memory_bytes / 2**30:.1f} GiB", fg="green")


def _expected(plan: Plan) -> str:
    found = plan.expected
    rollouts = ", ".join(f"{name} {tokens:,.0f}" for name, tokens in found.rollout.items())
    return (
        f"tokens: caption {found.caption:,.0f}, critique {found.critique:,.0f}, answer {found.reply:,.0f}, rollouts "
        f"{rollouts}; a picture has {found.refined:.2f} refined captions, {found.planned:.0%} of edits are written "
        f"({found.source})"
    )


def _steps(plan: Plan) -> TextTable:
    table = TextTable("Steps")
    for name in ("step", "units", "", "prompts", "prompt tokens", "reply tokens", "time", "GPU-hours", "store"):
        table.add_column(name, justify="left" if name in ("step", "") else "right")
    table.add_column("rate", justify="left")
    for line in plan.lines:
        table.add_row(
            line.step,
            f"{line.units:,.0f}",
            line.unit,
            f"{line.prompts:,.0f}" if line.prompts else "",
            f"{line.prompt_tokens / 1e6:,.2f} M" if line.prompts else "",
            f"{line.reply_tokens / 1e6:,.2f} M" if line.prompts else "",
            duration(line.seconds),
            f"{line.gpu_hours:,.2f}" if line.gpus else "",
            f"{line.stored_bytes / 1e9:,.2f} GB",
            line.source,
        )
    return table


def _memory(plan: Plan) -> TextTable:
    parts = ("weights", "optimizer", "activations", "cache", "runtime")
    table = TextTable("Peak memory by phase, GiB")
    for name in ("phase", "device", *parts, "all"):
        table.add_column(name, justify="left" if name in ("phase", "device") else "right")
    for phase in plan.phases:
        sizes = [getattr(phase.parts, name) for name in parts]
        table.add_row(phase.name, phase.device, *(f"{size / 2**30:.2f}" for size in (*sizes, phase.parts.total)))
    return table


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"
