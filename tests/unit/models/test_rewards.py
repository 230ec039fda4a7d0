"""The reward: what earns, what does not, and what cannot be hacked."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.rewards import RewardParts, SentenceReward
from viper.settings import RewardSettings

RED = "make the ring red."
ALSO_RED = "turn the ring red."
BLUE = "make the ring blue."
GONE = "remove the large square."
NOTHING = "nothing to correct."
SAME = {ALSO_RED: RED}
SENTENCES = st.lists(st.sampled_from([RED, ALSO_RED, BLUE, GONE, NOTHING]), max_size=6)
TRUTHS = st.lists(st.sampled_from([RED, BLUE, GONE, NOTHING]), min_size=1, max_size=4, unique=True)


class Meanings:
    """Sentences of one meaning share a random direction; other directions are almost orthogonal."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(sentences))
        rows = []
        for sentence in sentences:
            seed = int.from_bytes(hashlib.sha256(SAME.get(sentence, sentence).encode()).digest()[:4], "big")
            row = np.random.default_rng(seed).normal(size=256)
            rows.append(row / np.linalg.norm(row))
        return np.array(rows, dtype=np.float32)


def score(answer: str, truth: Sequence[str], finished: bool = True, coverage_weight: float = 0.5) -> RewardParts:
    settings = RewardSettings(coverage_weight=coverage_weight)
    return SentenceReward(Meanings(), settings).score([answer], [truth], [finished])[0]


def test_a_paraphrase_of_the_whole_truth_earns_everything() -> None:
    assert score(f"{GONE} {ALSO_RED}", [RED, GONE]) == RewardParts(1.0, 1.0, 1.0, 1.0, len(GONE) + len(ALSO_RED))


def test_precision_and_coverage_weigh_sentences_by_their_characters() -> None:
    parts = score(f"{RED} {BLUE}", [RED, GONE])
    assert parts.precision == pytest.approx(len(RED) / (len(RED) + len(BLUE)))
    assert parts.coverage == pytest.approx(len(RED) / (len(RED) + len(GONE)))
    assert parts.total == pytest.approx(0.05 + 0.95 * (parts.precision + parts.coverage) / 2)


def test_without_coverage_the_reward_is_the_papers_precision() -> None:
    parts = score(RED, [RED, GONE], coverage_weight=0.0)
    assert parts.total == 1.0
    assert parts.coverage < 0.5
    assert score(f"{RED} {ALSO_RED} {BLUE}", [RED], coverage_weight=0.0).precision > 0.6


def test_with_coverage_one_safe_sentence_earns_less_than_the_whole_truth() -> None:
    assert score(RED, [RED, GONE]).total < score(f"{RED} {GONE}", [RED, GONE]).total


@pytest.mark.parametrize("coverage_weight", [0.0, 0.5])
def test_a_sentence_said_twice_counts_once(coverage_weight: float) -> None:
    once = score(f"{RED} {BLUE}", [RED], coverage_weight=coverage_weight)
    twice = score(f"{RED} {BLUE} {RED.upper()} {RED}", [RED], coverage_weight=coverage_weight)
    assert twice.total < once.total


def test_with_coverage_paraphrases_of_one_fact_do_not_drown_a_wrong_one() -> None:
    assert score(f"{RED} {ALSO_RED} {BLUE}", [RED]).precision < score(f"{RED} {BLUE}", [RED]).precision


def test_nothing_to_correct_is_a_truth_like_any_other() -> None:
    assert score(NOTHING, [NOTHING]).total == 1.0
    assert score(NOTHING, [RED]).total == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("answer", "finished"), [("", True), ("   \n ", True), ("remove the ring", True), (RED, False), (". . .", True)]
)
def test_an_answer_without_form_earns_nothing_for_it(answer: str, finished: bool) -> None:
    assert score(answer, [RED], finished).format == 0.0


def test_an_empty_answer_earns_nothing_at_all() -> None:
    assert score("", [RED]) == RewardParts(0.0, 0.0, 0.0, 0.0, 0)


@given(SENTENCES, TRUTHS, st.booleans(), st.sampled_from([0.0, 0.3, 1.0]))
def test_every_part_lies_between_zero_and_one(said: list[str], truth: list[str], finished: bool, weight: float) -> None:
    parts = score(" ".join(said), truth, finished, weight)
    assert all(0.0 <= value <= 1.0 + 1e-9 for value in (parts.total, parts.format, parts.precision, parts.coverage))


@given(SENTENCES, TRUTHS)
def test_saying_something_again_never_pays(said: list[str], truth: list[str]) -> None:
    plain = score(" ".join(said), truth).total
    for again in set(said):
        assert score(" ".join([*said, again]), truth).total <= plain + 1e-9


@given(st.lists(st.tuples(SENTENCES, TRUTHS, st.booleans()), max_size=4))
def test_a_batch_scores_as_its_answers_do_alone_with_one_call_for_embeddings(
    cases: list[tuple[list[str], list[str], bool]],
) -> None:
    meanings = Meanings()
    reward = SentenceReward(meanings, RewardSettings(coverage_weight=0.5))
    batch = reward.score(
        [" ".join(case[0]) for case in cases], [case[1] for case in cases], [case[2] for case in cases]
    )
    assert batch == [score(" ".join(said), truth, finished) for said, truth, finished in cases]
    assert len(meanings.calls) == (1 if cases else 0)
    assert all(len(set(call)) == len(call) for call in meanings.calls)


@pytest.mark.parametrize(("truths", "finished"), [([[]], [True]), ([["a."], ["b."]], [True]), ([["a."]], [])])
def test_truths_must_fit_the_answers(truths: list[list[str]], finished: list[bool]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        SentenceReward(Meanings(), RewardSettings()).score(["a."], truths, finished)
