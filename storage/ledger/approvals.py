"""What people decided about candidates that waited for their word."""

from storage.layout import approval_key
from storage.ledger.entries import parse, read_history, to_json
from storage.objects import ObjectStore
from viper.errors import StoreError
from viper.records import Approval

ENTRY = "approval.json"


def approval_of(store: ObjectStore, evolution: str, round_number: int, question: str) -> Approval | None:
    """What was decided, or None while nobody has decided.

    Args:
        store: Where the evolution lies.
        evolution: Its name.
        round_number: The round that made the candidate.
        question: Hash of what is to be decided: champion, candidate and their comparison. Another candidate, or another
            comparison, is another question.

    Raises:
        CorruptArtifact: The decision is damaged.
    """
    key = approval_key(evolution, round_number, question)
    found = read_history(store, key, ENTRY)
    return None if found is None else parse(Approval, found, key)


def keep_approval(store: ObjectStore, evolution: str, round_number: int, question: str, approval: Approval) -> Approval:
    """Write down what was decided. Arguments as of ``approval_of``.

    Returns:
        The decision that stands: the first one about this question.

    Raises:
        StoreError: The store refuses.
    """
    key = approval_key(evolution, round_number, question)
    store.commit(key, "approval", {ENTRY: to_json(approval)})
    kept = approval_of(store, evolution, round_number, question)
    if kept is None:
        raise StoreError(f"{key!r} was removed from {store.root} right after it was written. Decide again.")
    return kept
