"""Checks a machine for a profile, and names the command that mends what is wrong."""

import os
from collections.abc import Callable, Sequence

from commands import doctor_checks as checks
from commands.terminal import said, say, say_json
from flows.health import Ailing
from viper.errors import ViperError
from viper.profiles import load_profile
from viper.records import Record


class Finding(Record):
    """What one check found."""

    check: str
    ok: bool
    found: str
    mend: str = ""
    """What to type; empty where nothing is wrong."""


def examine(profile: str, json: bool = False) -> bool:
    """Print what each check found, as lines or as one JSON document; True if all passed."""
    tell = _keep_silent if json else _show
    found = _try_all(checks.of_machine(), tell)
    if os.environ.get("PREFECT_API_URL") and found[-1].ok:
        found += _try_all(checks.of_prefect(), tell)
    try:
        found += _try_all(checks.of_profile(profile, load_profile(profile)), tell)
    except ViperError as error:
        found.append(Finding(check="profile", ok=False, found=said(error), mend="viper profiles"))
        tell(found[-1])
    sound = all(one.ok for one in found)
    if json:
        say_json({"profile": profile, "sound": sound, "checks": found})
    return sound


def _try_all(wanted: Sequence[checks.Check], tell: Callable[[Finding], None]) -> list[Finding]:
    found = []
    for name, check, mend in wanted:
        try:
            found.append(Finding(check=name, ok=True, found=check()))
        except (ViperError, OSError, RuntimeError, ImportError) as error:
            command = error.mend if isinstance(error, Ailing) else mend
            found.append(Finding(check=name, ok=False, found=said(error), mend=command))
        tell(found[-1])
    return found


def _keep_silent(_: Finding) -> None:
    """All is said at once, in the end."""


def _show(one: Finding) -> None:
    say(f"{'ok     ' if one.ok else 'PROBLEM'}  {one.check:11} {one.found}", fg=None if one.ok else "red")
    if one.mend:
        say(f"{'':20} → {one.mend}", bold=True)
