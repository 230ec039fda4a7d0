"""What a person decided about a candidate stands once, and for that candidate alone."""

from pathlib import Path

import pytest

from storage.layout import approval_key, is_history
from storage.ledger.approvals import approval_of, keep_approval
from storage.objects import ObjectStore
from tasks.approval import decided, question_of
from tests.unit.storage.ledger.world import BASE, PROMOTE, files_of, flip
from viper.errors import ApprovalNeeded, CorruptArtifact
from viper.records import Approval

CANDIDATE = BASE.model_copy(update={"name": "round 1", "fingerprint": "base-files+adapter"})
YES, NO = Approval(approved=True, reason="Looked at it."), Approval(approved=False, reason="Says teal too often.")
QUESTION = question_of(BASE, CANDIDATE, PROMOTE)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "store"))


def test_the_first_decision_stands(store: ObjectStore) -> None:
    assert approval_of(store, "e", 1, QUESTION) is None
    assert keep_approval(store, "e", 1, QUESTION, NO) == NO
    assert keep_approval(store, "e", 1, QUESTION, YES) == NO
    assert approval_of(ObjectStore(store.root), "e", 1, QUESTION) == NO
    assert approval_of(store, "e", 2, QUESTION) is None


def test_another_candidate_champion_or_comparison_is_another_question(store: ObjectStore) -> None:
    keep_approval(store, "e", 1, QUESTION, YES)
    other = CANDIDATE.model_copy(update={"fingerprint": "base-files+another"})
    seen_otherwise = PROMOTE.model_copy(update={"reason": "sees better on other questions"})
    questions = [
        question_of(BASE, other, PROMOTE),
        question_of(other, CANDIDATE, PROMOTE),
        question_of(BASE, CANDIDATE, seen_otherwise),
    ]
    assert [approval_of(store, "e", 1, question) for question in questions] == [None, None, None]
    # What it is called, and where it lies, is no part of the question.
    assert question_of(BASE, CANDIDATE.model_copy(update={"name": "candidate"}), PROMOTE) == QUESTION


def test_a_decision_is_history_and_a_damaged_one_is_refused(store: ObjectStore) -> None:
    keep_approval(store, "e", 1, QUESTION, YES)
    key = approval_key("e", 1, QUESTION)
    assert is_history(key)
    flip(files_of(store, key)[-1], 20)
    with pytest.raises(CorruptArtifact, match="is history that nothing can compute again"):
        approval_of(ObjectStore(store.root), "e", 1, QUESTION)


def test_the_verdict_says_who_had_the_last_word_and_why() -> None:
    assert decided(PROMOTE, YES).decision == "promote"
    assert decided(PROMOTE, YES).reason == "sees better Approved by a person: “Looked at it.”"
    rejected = decided(PROMOTE, NO)
    assert rejected.decision == "keep champion"
    assert rejected.reason == (
        "Rejected by a person: “Says teal too often.” The gate would have promoted it: sees better"
    )


def test_who_waits_crosses_processes() -> None:
    import pickle

    needed = pickle.loads(pickle.dumps(ApprovalNeeded("Round 1 waits.", "ab", "| page |")))
    assert (str(needed), needed.question, needed.page) == ("Round 1 waits.", "ab", "| page |")
