"""Where everything lies in the store: every key, as a pure function.

    results/<step>/<key>                                          what a step computed; key = hash of its inputs
    evolutions/<evolution>/rounds/<round>/datasets/<lesson>/<key> dataset version of a lesson
    evolutions/<evolution>/rounds/<round>/listing/<key>           which images of the pool the round takes
    evolutions/<evolution>/rounds/<round>/checkpoints/<stage>/<training>/<step>
    evolutions/<evolution>/rounds/<round>/verdict                 what the gate decided
    evolutions/<evolution>/rounds/<round>/report                  the round's report
    evolutions/<evolution>/rounds/<round>/approvals/<question>    what a person decided about a candidate
    evolutions/<evolution>/requests/<number>                      settings and rounds that were asked for
    evolutions/<evolution>/champions/<round>                      the champion that this round made
    evolutions/<evolution>/champions/<round>.<number>             an earlier one, or the base, put back after this round
    evolutions/<evolution>/champion-copies/<same name>            the same champion a second time, in other bytes

Numbers are padded with zeros so that sorted keys are in order. Champions are append-only: the last key is the
champion's, and no pointer is ever moved. No other module spells a key or a part of one.
"""

import re

from viper.errors import StoreError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
MAX_ROUNDS = 9_999
"""More rounds than an evolution can have."""
_RESULTS, _EVOLUTIONS = "results", "evolutions"
_HISTORY = re.compile(
    rf"{_EVOLUTIONS}/[^/]+/(?:(?:champions|champion-copies|requests)/.+|rounds/\d+/(?:verdict|report|approvals/.+|datasets/.+))"
)


def is_artifact_key(name: str) -> bool:
    """Whether ``name`` begins like the key of an artifact, and is no folder and no name on the hub."""
    return name.startswith((f"{_RESULTS}/", f"{_EVOLUTIONS}/"))


def results_prefix(step: str) -> str:
    """Folder of everything that ``step`` computed."""
    return f"{_RESULTS}/{check_name('step', step)}"


def result_key(step: str, key: str) -> str:
    """Key of what ``step`` computed from the inputs that hash to ``key``."""
    return f"{results_prefix(step)}/{check_name('result key', key)}"


def heartbeats_prefix(evolution: str) -> str:
    """Folder of the signs of life of the processes that work on an evolution. They are no artifacts."""
    return f"heartbeats/{check_name('evolution', evolution)}"


def evolutions_prefix() -> str:
    """Folder of all evolutions."""
    return _EVOLUTIONS


def evolution_of(key: str) -> str:
    """The evolution that the artifact at ``key`` belongs to.

    Raises:
        StoreError: If ``key`` lies in no evolution.
    """
    found = re.match(rf"{_EVOLUTIONS}/([^/]+)(?:/|$)", key)
    if found is None:
        raise StoreError(f"{key!r} belongs to no evolution. Expected a key below {_EVOLUTIONS}/.")
    return found[1]


def evolution_prefix(evolution: str) -> str:
    """Folder of everything that belongs to one evolution."""
    return f"{_EVOLUTIONS}/{check_name('evolution', evolution)}"


def rounds_prefix(evolution: str) -> str:
    """Folder of all rounds of an evolution."""
    return f"{evolution_prefix(evolution)}/rounds"


def round_prefix(evolution: str, round_number: int) -> str:
    """Folder of one round; ``round_number`` counts from 0."""
    return f"{rounds_prefix(evolution)}/{_padded('round', round_number, 4)}"


def datasets_prefix(evolution: str, round_number: int) -> str:
    """Folder of the dataset versions that were made in this round."""
    return f"{round_prefix(evolution, round_number)}/datasets"


def dataset_key(evolution: str, round_number: int, lesson: str, key: str) -> str:
    """Key of a dataset version of ``lesson`` made in this round; ``key`` is the hash of what it was made from."""
    return f"{datasets_prefix(evolution, round_number)}/{check_name('lesson', lesson)}/{check_name('key', key)}"


def listing_key(evolution: str, round_number: int, key: str) -> str:
    """Key of the listing of a round's images; ``key`` is the hash of how they were chosen."""
    return f"{round_prefix(evolution, round_number)}/listing/{check_name('key', key)}"


def parse_dataset_key(key: str) -> tuple[str, int, str] | None:
    """Evolution, round and lesson of a dataset version's key; None if ``key`` is something else's."""
    found = re.fullmatch(rf"{_EVOLUTIONS}/([^/]+)/rounds/(\d+)/datasets/([^/]+)/[^/]+", key)
    return (found[1], int(found[2]), found[3]) if found else None


def checkpoint_prefix(evolution: str, round_number: int, stage: str, training_key: str) -> str:
    """Folder of the checkpoints of one training; ``training_key`` is the hash of its settings and data."""
    stage_name, training_name = check_name("stage", stage), check_name("training key", training_key)
    return f"{round_prefix(evolution, round_number)}/checkpoints/{stage_name}/{training_name}"


def checkpoint_key(evolution: str, round_number: int, stage: str, training_key: str, step: int) -> str:
    """Key of the checkpoint after ``step`` optimizer steps."""
    return f"{checkpoint_prefix(evolution, round_number, stage, training_key)}/{_padded('step', step, 8)}"


def is_checkpoint(key: str) -> bool:
    """Whether ``key`` is that of a training checkpoint."""
    return bool(re.fullmatch(rf"{_EVOLUTIONS}/[^/]+/rounds/\d+/checkpoints/[^/]+/[^/]+/\d+", key))


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


def verdict_round(key: str) -> int | None:
    """The round whose verdict lies at ``key``; None if ``key`` is something else's."""
    found = re.fullmatch(rf"{_EVOLUTIONS}/[^/]+/rounds/(\d+)/verdict", key)
    return int(found[1]) if found else None


def begun_round(key: str) -> int | None:
    """The round that something of an evolution belongs to, such as a listing; None if it belongs to none."""
    found = re.match(rf"{_EVOLUTIONS}/[^/]+/rounds/(\d+)/", key)
    return int(found[1]) if found else None


def report_key(evolution: str, round_number: int) -> str:
    """Key of the round's report."""
    return f"{round_prefix(evolution, round_number)}/report"


def approval_key(evolution: str, round_number: int, question: str) -> str:
    """Key of what a person decided about this round's candidate; ``question`` is the hash of what was to be decided."""
    return f"{round_prefix(evolution, round_number)}/approvals/{check_name('question', question)}"


def requests_prefix(evolution: str) -> str:
    """Folder of what was asked of an evolution, in order; the last one is what a resume continues."""
    return f"{evolution_prefix(evolution)}/requests"


def request_key(evolution: str, number: int) -> str:
    """Key of the request with this number, counted from 0."""
    return f"{requests_prefix(evolution)}/{_padded('request', number, 6)}"


def request_number(key: str) -> int:
    """The number of the request at ``key``.

    Raises:
        StoreError: If ``key`` is not a request's.
    """
    return _last_number("request", key)


def champions_prefix(evolution: str) -> str:
    """Folder of all champions of an evolution; the last key in it is the champion's."""
    return f"{evolution_prefix(evolution)}/champions"


def champion_key(evolution: str, round_number: int) -> str:
    """Key of the champion that this round made."""
    return f"{champions_prefix(evolution)}/{_padded('round', round_number, 4)}"


def rollback_key(evolution: str, round_number: int, number: int) -> str:
    """Key of a champion put back after this round, the ``number``-th time, from 1. Sorts before the next round's."""
    return f"{champion_key(evolution, round_number)}.{_padded('rollback', number, 4)}"


def is_champion(key: str) -> bool:
    """Whether ``key`` is that of a champion, made by a round or put back; not that of its second copy."""
    return re.fullmatch(rf"{_EVOLUTIONS}/[^/]+/champions/\d+(?:\.\d+)?", key) is not None


def champion_copies_prefix(evolution: str) -> str:
    """Folder of the second copies of all champions of an evolution."""
    return f"{evolution_prefix(evolution)}/champion-copies"


def champion_copy_key(key: str) -> str:
    """Key of the second copy of the champion at ``key``."""
    return f"{champion_copies_prefix(evolution_of(key))}/{key.rpartition('/')[2]}"


def champion_of_copy(copy: str) -> str:
    """Key of the champion whose second copy lies at ``copy``."""
    return f"{champions_prefix(evolution_of(copy))}/{copy.rpartition('/')[2]}"


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
    """Whether what lies at ``key`` says what has happened, so that no repair may forget it."""
    return _HISTORY.fullmatch(key) is not None


def group_of(key: str) -> str:
    """The step or evolution that ``key`` belongs to, such as ``results/captions`` or ``evolutions/main``."""
    return "/".join(key.split("/")[:2])


def check_name(what: str, name: str) -> str:
    """Return ``name`` if it can be a part of a key.

    Raises:
        StoreError: If it holds anything but lowercase letters and digits, with dashes and dots between them.
    """
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"{name!r} cannot be the name of {_article(what)}. Expected lowercase letters, digits, dashes and dots, "
            "beginning and ending with a letter or digit, such as 'shapes-1'."
        )
    return name


def _padded(what: str, number: int, digits: int) -> str:
    if not 0 <= number < 10**digits:
        raise StoreError(f"{number} cannot be the number of {_article(what)}. Expected 0 to {10**digits - 1}.")
    return f"{number:0{digits}d}"


def _article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def _last_number(what: str, key: str) -> int:
    last = key.rpartition("/")[2]
    if not last.isdecimal():
        raise StoreError(f"{key!r} is not the key of a {what}. Expected a number as its last part.")
    return int(last)
