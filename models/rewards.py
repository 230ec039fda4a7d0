"""The reward of ViPER (arXiv 2510.24285, section 3.3), per sentence, with coverage blended in.

    R         = f · R_format + (1 − f) · R_correct              f = format_weight
    R_correct = (1 − c) · precision + c · coverage              c = coverage_weight; 0 is the paper
    precision = Σ_hits L(s) / Σ_S L(s)                          over the sentences S of the answer
    coverage  = Σ_found L(g) / Σ_G L(g)                         over the sentences G of the ground truth

``L`` is the length in characters. A sentence of the answer is a hit, and one of the truth is found, if the cosine
similarity to some sentence of the other side exceeds the threshold. The blend is a weighted mean, so it is F1-like in
what it pays for: with c > 0 one safe sentence no longer earns everything, and neither does saying all there is.

Where the paper is silent: a sentence that the answer repeats word for word is a hit at most once. With c > 0 this
holds for paraphrases too: each sentence of the truth is claimed by one sentence of the answer, in the order said; else
a right fact said in three ways would drown a wrong one. With c = 0 paraphrases count as in the paper.

Shape suffixes: S sentences of the answer, G sentences of the ground truth, D embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.sentences import is_closed, split_sentences
from viper.settings import RewardSettings


class Embedder(Protocol):
    """What the reward needs of ``models.similarity.Similarity``."""

    def embed(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """(N, D) float32 rows of unit length."""


@dataclass(frozen=True)
class RewardParts:
    """One answer's reward and what it is made of. All but the length are in [0, 1]."""

    total: float
    format: float
    precision: float
    coverage: float
    length_chars: int
    """Characters of all sentences of the answer."""


def format_reward(sentences: Sequence[str], finished: bool) -> float:
    """1 for an answer that ended by itself in one or more sentences, each with words and a closing mark; else 0."""
    return float(finished and bool(sentences) and all(map(is_closed, sentences)))


def find_hits(similar_SG: NDArray[np.float32], threshold: float, firsts_S: Sequence[bool], claim: bool) -> list[bool]:
    """Which sentences of the answer are hits.

    Args:
        similar_SG: Cosine similarities, answer by truth.
        threshold: A hit's similarity exceeds this.
        firsts_S: False for sentences that repeat an earlier one.
        claim: Whether a sentence of the truth serves one sentence of the answer only.
    """
    free_SG = np.array(similar_SG)
    hits = []
    for row, first in zip(free_SG, firsts_S, strict=True):
        best = int(row.argmax())
        hits.append(bool(first and row[best] > threshold))
        if hits[-1] and claim:
            free_SG[:, best] = -np.inf
    return hits


class SentenceReward:
    """Scores answers against ground truth, in batches.

    Args:
        similarity: Embeds sentences.
        settings: Weights and threshold.
    """

    def __init__(self, similarity: Embedder, settings: RewardSettings) -> None:
        self._similarity, self._settings = similarity, settings

    def score(
        self, answers: Sequence[str], truths: Sequence[Sequence[str]], finished: Sequence[bool]
    ) -> list[RewardParts]:
        """The rewards of the answers, in their order. All sentences are embedded in one call.

        Args:
            answers: Texts of the rollouts.
            truths: For each answer, the sentences of the ground truth; never empty.
            finished: For each answer, whether it ended by itself (False: it was cut off).

        Raises:
            ValueError: The three differ in length, or a ground truth has no sentence.
        """
        said = [split_sentences(answer) for answer in answers]
        facts = [[fact.strip() for fact in dict.fromkeys(truth) if fact.strip()] for truth in truths]
        if not len(said) == len(facts) == len(finished):
            raise ValueError(
                f"Found {len(said)} answers, {len(facts)} truths, {len(finished)} flags. Expected as many."
            )
        if not all(facts):
            raise ValueError(f"The ground truth of answer {facts.index([])} has no sentence. Expected at least one.")
        sentences = list(dict.fromkeys(sentence for group in (*said, *facts) for sentence in group))
        if not sentences:
            return []
        rows_ND = self._similarity.embed(sentences)
        row_of = {sentence: rows_ND[number] for number, sentence in enumerate(sentences)}
        return [self._score(*each, row_of) for each in zip(said, facts, finished, strict=True)]

    def _score(
        self, said: list[str], facts: list[str], finished: bool, row_of: dict[str, NDArray[np.float32]]
    ) -> RewardParts:
        settings = self._settings
        form, precision, coverage = format_reward(said, finished), 0.0, 0.0
        if said:
            said_SD, facts_GD = np.stack([row_of[s] for s in said]), np.stack([row_of[g] for g in facts])
            similar_SG = said_SD @ facts_GD.T
            plain = [" ".join(sentence.lower().split()) for sentence in said]
            firsts = [sentence not in plain[:number] for number, sentence in enumerate(plain)]
            hits = find_hits(similar_SG, settings.threshold, firsts, claim=settings.coverage_weight > 0)
            precision = _share(said, hits)
            coverage = _share(facts, [bool(best > settings.threshold) for best in similar_SG.max(axis=0)])
        correct = (1 - settings.coverage_weight) * precision + settings.coverage_weight * coverage
        total = settings.format_weight * form + (1 - settings.format_weight) * correct
        return RewardParts(total, form, precision, coverage, sum(map(len, said)))


def _share(sentences: Sequence[str], chosen: Sequence[bool]) -> float:
    lengths = [len(sentence) for sentence in sentences]
    return sum(length for length, yes in zip(lengths, chosen, strict=True) if yes) / sum(lengths)
