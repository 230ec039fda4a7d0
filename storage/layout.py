"""Where everything lies in the store: every key, as a pure function.

    results/<step>/<key>                                          what a step computed; key = hash of its inputs
    evolutions/<evolution>/rounds/<round>/datasets/<stage>/<key>  dataset version of a stage (csr, vop)
    evolutions/<evolution>/rounds/<round>/checkpoints/<stage>/<training>/<step>
    evolutions/<evolution>/rounds/<round>/verdict                 what the gate decided
    evolutions/<evolution>/rounds/<round>/report                  the round's report
    evolutions/<evolution>/requests/<number>                      settings and rounds that were asked for
    evolutions/<evolution>/champions/<round>                      the champion that this round made
    evolutions/<evolution>/champions/<round>.<number>             an earlier one, or the base, put back after this round

Numbers are padded with zeros so that sorted keys are in order. Champions are append-only: the last key is the
champion's, and no pointer is ever moved.
"""

import re

from viper.errors import StoreError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def result_key(step: str, key: str) -> str:
    """Key of what ``step`` computed from the inputs that hash to ``key``."""
    return f"results/{check_name('step', step)}/{check_name('result key', key)}"


def heartbeats_prefix(evolution: str) -> str:
    """Folder of the signs of life of the processes that work on an evolution. They are no artifacts."""
    return f"heartbeats/{check_name('evolution', evolution)}"


def evolution_prefix(evolution: str) -> str:
    """Folder of everything that belongs to one evolution."""
    return f"evolutions/{check_name('evolution', evolution)}"


def round_prefix(evolution: str, round_number: int) -> str:
    """Folder of one round; ``round_number`` counts from 0."""
    return f"{evolution_prefix(evolution)}/rounds/{_padded('round', round_number, 4)}"


def dataset_key(evolution: str, round_number: int, stage: str, key: str) -> str:
    """Key of a dataset version of ``stage`` made in this round; ``key`` is the hash of what it was made from."""
    return f"{round_prefix(evolution, round_number)}/datasets/{check_name('stage', stage)}/{check_name('key', key)}"


def parse_dataset_key(key: str) -> tuple[str, int, str] | None:
    """Evolution, round and stage of a dataset version's key; None if ``key`` is something else's."""
    found = re.fullmatch(r"evolutions/([^/]+)/rounds/(\d+)/datasets/([^/]+)/[^/]+", key)
    return (found[1], int(found[2]), found[3]) if found else None


def checkpoint_prefix(evolution: str, round_number: int, stage: str, training_key: str) -> str:
    """Folder of the checkpoints of one training; ``training_key`` is the hash of its settings and data."""
    stage_name, training_name = check_name("stage", stage), check_name("training key", training_key)
    return f"{round_prefix(evolution, round_number)}/checkpoints/{stage_name}/{training_name}"


def checkpoint_key(evolution: str, round_number: int, stage: str, training_key: str, step: int) -> str:
    """Key of the checkpoint after ``step`` optimizer steps."""
    return f"{checkpoint_prefix(evolution, round_number, stage, training_key)}/{_padded('step', step, 8)}"


def checkpoint_step(key: str) -> int:
    """The number of optimizer steps after which the checkpoint at ``key`` was saved.

    Raises:
        StoreError: If ``key`` is not a checkpoint's.
    """
    return _last_number("checkpoint", key)


def checkpoint_round(key: str) -> int:
    """The round in which the checkpoint at ``key`` was saved.

    Raises:
        StoreError: If ``key`` is not a checkpoint's.
    """
    return _last_number("checkpoint", key.partition("/checkpoints/")[0])


def verdict_key(evolution: str, round_number: int) -> str:
    """Key of the gate's verdict on this round's candidate."""
    return f"{round_prefix(evolution, round_number)}/verdict"


def report_key(evolution: str, round_number: int) -> str:
    """Key of the round's report."""
    return f"{round_prefix(evolution, round_number)}/report"


def requests_prefix(evolution: str) -> str:
    """Folder of what was asked of an evolution, in order; the last one is what a resume continues."""
    return f"{evolution_prefix(evolution)}/requests"


def request_key(evolution: str, number: int) -> str:
    """Key of the request with this number, counted from 0."""
    return f"{requests_prefix(evolution)}/{_padded('request', number, 6)}"


def champions_prefix(evolution: str) -> str:
    """Folder of all champions of an evolution; the last key in it is the champion's."""
    return f"{evolution_prefix(evolution)}/champions"


def champion_key(evolution: str, round_number: int) -> str:
    """Key of the champion that this round made."""
    return f"{champions_prefix(evolution)}/{_padded('round', round_number, 4)}"


def rollback_key(evolution: str, round_number: int, number: int) -> str:
    """Key of a champion put back after this round, the ``number``-th time, from 1. Sorts before the next round's."""
    return f"{champion_key(evolution, round_number)}.{_padded('rollback', number, 4)}"


def champion_round(key: str) -> int:
    """The round that made the champion at ``key``, or after which it was put back.

    Raises:
        StoreError: If ``key`` is not a champion's.
    """
    return _last_number("champion", key.rpartition(".")[0] if is_rollback(key) else key)


def is_rollback(key: str) -> bool:
    """Whether the champion at ``key`` was put back, and not made by a round."""
    return re.fullmatch(r"\d+\.\d+", key.rpartition("/")[2]) is not None


def is_history(key: str) -> bool:
    """Whether what lies at ``key`` says what has happened, and can never be computed again: no repair may forget it.

    That is so of champions, requests, and the verdict and report of a round.
    """
    return (
        re.fullmatch(r"evolutions/[^/]+/(?:(?:champions|requests)/.+|rounds/\d+/(?:verdict|report))", key) is not None
    )


def group_of(key: str) -> str:
    """The step or evolution that ``key`` belongs to, such as ``results/captions`` or ``evolutions/main``."""
    return "/".join(key.split("/")[:2])


def check_name(what: str, name: str) -> str:
    """Return ``name`` if it can be a part of a key.

    Raises:
        StoreError: If it holds anything but lowercase letters, digits, dashes and dots, or begins or ends with a
            dash or dot.
    """
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"{name!r} cannot be the name of a {what}. Expected lowercase letters, digits, dashes and dots, "
            "beginning and ending with a letter or digit, such as 'shapes-1'."
        )
    return name


def _padded(what: str, number: int, digits: int) -> str:
    if not 0 <= number < 10**digits:
        raise StoreError(f"{number} cannot be the number of a {what}. Expected 0 to {10**digits - 1}.")
    return f"{number:0{digits}d}"


def _last_number(what: str, key: str) -> int:
    last = key.rpartition("/")[2]
    if not last.isdecimal():
        raise StoreError(f"{key!r} is not the key of a {what}. Expected a number as its last part.")
    return int(last)
