"""A round's walk: which model does what, and what each step is given, with artifacts that hold next to nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import round as rounds
from flows.runner import InProcess
from flows.synthesis import make_data
from storage.ledger.champions import keep_champion
from storage.manifest import LINEAGE
from storage.objects import ObjectStore
from tasks.pool import Listing
from tasks.pools.source import PoolFile
from tasks.step import Inputs, Step
from tasks.verdict import VerdictPayload
from tests.loop import cut_for
from viper.records import ArtifactRef, ModelRef, Verdict

CUT = cut_for("evolution=walk", "synthesis.shard_images=2", "benchmarks.suites=['counting', 'fine_perception']")
FILES = tuple(PoolFile(name=str(number), version="1") for number in range(3))
FACTS: dict[str, dict[str, Any]] = {
    "suite": {"shards": 1, "questions": 3},
    "pool": {"images": 2, LINEAGE: {"files": 2, "rejected": {}}},
    "refinements": {"reasons": {}},
    "operations": {"reasons": {}},
    "dataset": {"instructive": 10**6, "counts": {"rows": 10**6}},
}
PAYLOADS: dict[str, dict[str, bytes]] = {
    "listing": Listing(FILES).encoded(),
    "verdict": VerdictPayload(Verdict(decision="promote", reason="sees better")).encoded(),
}


class Done:
    """An artifact that is there at once."""

    def __init__(self, ref: ArtifactRef) -> None:
        self._ref = ref

    def result(self) -> ArtifactRef:
        return self._ref


class Recorder:
    """A runner that remembers what each step was given, and leaves an artifact that tells inputs apart."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.given: dict[str, list[Any]] = {}
        self.made: dict[str, list[ArtifactRef]] = {}

    def submit(self, step: Step[Any], inputs: Inputs) -> Done:
        key = step.key(inputs)
        entries = {"key": key.encode(), **PAYLOADS.get(step.name, {})}
        ref = self.store.commit(key, step.name, entries, FACTS.get(step.name, {}))
        self.given.setdefault(step.name, []).append(inputs)
        self.made.setdefault(step.name, []).append(ref)
        return Done(ref)

    def group(self, title: str, walk: Callable[..., Any], *arguments: object) -> Any:
        return walk(self, *arguments)

    def forget(self, ref: ArtifactRef) -> None:
        raise AssertionError("nothing is of no use here")

    def release(self) -> None:
        """Nothing was loaded."""


@pytest.fixture
def champion(tmp_path: Path) -> ModelRef:
    """The champion that round 1 made."""
    store = ObjectStore(str(tmp_path))
    ref = store.commit("results/model/champion", "model", {"weights": b"of round 1"})
    model = ModelRef(name="round 1", artifact=ref, fingerprint=ref.content_sha256)
    return keep_champion(store, "walk", 1, model, "sees better")


@pytest.fixture
def walked(tmp_path: Path, champion: ModelRef, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The second round, up to its verdict."""
    runner: Any = Recorder(ObjectStore(str(tmp_path)))
    monkeypatch.setattr(rounds, "make_and_show_data", make_data)
    monkeypatch.setattr(rounds, "_finish", lambda *_: None)
    rounds.run_round(runner, CUT, 2, {})
    found: Recorder = runner
    return found


def test_a_runner_is_recorded_as_the_flows_know_it() -> None:
    assert {name for name in vars(Recorder) if name[0] != "_"} <= set(dir(InProcess))


def test_the_champion_makes_the_data(walked: Recorder, champion: ModelRef) -> None:
    both, critiques = walked.given["captions"][:2], walked.given["critiques"]
    assert {one.vlm.model.fingerprint for one in [*both, *critiques]} == {champion.fingerprint}
    assert {one.lineage.synthesizer.fingerprint for one in walked.given["dataset"]} == {champion.fingerprint}


def test_the_pool_is_taken_without_the_pictures_of_any_suite(walked: Recorder) -> None:
    assert len(walked.given["pool"]) == 2
    for taken in walked.given["pool"]:
        assert list(taken.hashes) == walked.made["hashes"]
        assert len(taken.hashes) == 2


def test_each_step_is_given_what_was_made_of_its_own_shard(walked: Recorder) -> None:
    made, shards = walked.made, walked.made["pool"]
    for name in ("captions", "paintings", "critiques", "judgements", "refinements", "edits", "operations"):
        assert [one.shard.pool for one in walked.given[name]][:2] == shards
    for number in range(2):
        assert walked.given["paintings"][number].captions == made["captions"][number]
        assert walked.given["critiques"][number].paintings == made["paintings"][number]
        assert walked.given["judgements"][number].critiques == made["critiques"][number]
        judged = walked.given["refinements"][number]
        expected = [made[name][number] for name in ("captions", "paintings", "critiques", "judgements", "unions")]
        assert [judged.captions, judged.paintings, judged.critiques, judged.judgements, judged.unions] == expected
        assert walked.given["unions"][number].judgements == made["judgements"][number]
        (noise,) = made["noise"]
        assert {walked.given[name][number].noise for name in ("judgements", "refinements", "operations")} == {noise}
        assert walked.given["plans"][number].refinements == made["refinements"][number]
        assert walked.given["edits"][number].plans == made["plans"][number]
        assert walked.given["operations"][number].edits == made["edits"][number]


def test_the_first_stage_starts_from_the_champion_and_the_second_from_the_first(
    walked: Recorder, champion: ModelRef
) -> None:
    csr, vop = walked.given["model"]
    assert (csr.stage.name, csr.start.model.fingerprint) == ("csr", champion.fingerprint)
    assert (vop.stage.name, vop.start.model.artifact) == ("vop", walked.made["model"][0])
    assert [csr.datasets, vop.datasets] == [(ref,) for ref in walked.made["dataset"]]


def test_base_champion_and_candidate_are_compared_by_their_own_replies(walked: Recorder, champion: ModelRef) -> None:
    candidate = walked.made["model"][-1].content_sha256
    who = {"base": CUT.base.fingerprint, "champion": champion.fingerprint, "candidate": candidate}
    given = dict(zip([ref.uri for ref in walked.made["replies"]], walked.given["replies"], strict=True))
    (verdict,) = walked.given["verdict"]
    for role, fingerprint in who.items():
        assert list(verdict.replies[role]) == ["counting", "fine_perception"]
        for suite, (part,) in verdict.replies[role].items():
            assert (given[part.uri].suite, given[part.uri].vlm.model.fingerprint) == (suite, fingerprint)
    said = dict(zip([ref.uri for ref in walked.made["captions"]], walked.given["captions"], strict=True))
    for role in ("base", "candidate"):
        asked = said[verdict.captions[role].uri]
        assert (asked.vlm.model.fingerprint, asked.shard.number) == (who[role], 0)


def test_a_round_without_a_champion_is_the_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner: Any = Recorder(ObjectStore(str(tmp_path)))
    monkeypatch.setattr(rounds, "make_and_show_data", make_data)
    monkeypatch.setattr(rounds, "_finish", lambda *_: None)
    rounds.run_round(runner, CUT, 1, {})
    assert {one.vlm.model.fingerprint for one in runner.given["captions"][:2]} == {CUT.base.fingerprint}
    assert runner.given["model"][0].start.model == CUT.base
    (verdict,) = runner.given["verdict"]
    assert verdict.replies["base"] == verdict.replies["champion"] != verdict.replies["candidate"]


@pytest.mark.parametrize(("share", "steps"), [(0.0, 0), (0.2, 2)])
def test_only_an_ablation_plants_wrong_sentences_and_then_the_judge_sees_them(
    tmp_path: Path, share: float, steps: int
) -> None:
    runner: Any = Recorder(ObjectStore(str(tmp_path)))
    cut = cut_for("evolution=walk", "synthesis.shard_images=2", f"ablation.planted_share={share}")
    make_data(runner, cut, 1, cut.base, {})
    assert len(runner.given.get("planted", [])) == steps
    judged = runner.made["planted"] if steps else runner.made["critiques"]
    for name in ("judgements", "refinements"):
        assert [one.critiques for one in runner.given[name]] == judged


@pytest.mark.parametrize(
    ("changes", "is_asked"),
    [
        (["filter.ask_vlm=true"], True),
        (["filter.ask_vlm=false"], False),
        ([], False),
        # Where every edit is kept, whatever is said of it, nobody is asked.
        (["filter.ask_vlm=true", "filter.enabled=false"], False),
    ],
)
def test_the_synthesizer_is_asked_what_happened_in_the_edits_where_the_setting_says_so(
    tmp_path: Path, champion: ModelRef, changes: list[str], is_asked: bool
) -> None:
    runner: Any = Recorder(ObjectStore(str(tmp_path)))
    cut = cut_for("evolution=walk", "synthesis.shard_images=2", *changes)
    make_data(runner, cut, 2, champion, {})
    asked, judged = runner.given.get("witnesses", []), runner.given["operations"]
    assert [one.edits for one in asked] == (runner.made["edits"] if is_asked else [])
    assert [one.shard for one in asked] == ([one.shard for one in judged] if is_asked else [])
    assert {one.vlm.model.fingerprint for one in asked} == ({champion.fingerprint} if is_asked else set())
    assert [one.witnesses for one in judged] == (runner.made["witnesses"] if is_asked else [None, None])


def test_draws_are_judged_as_a_whole_and_told_apart_by_sentence_elsewhere(tmp_path: Path) -> None:
    runner: Any = Recorder(ObjectStore(str(tmp_path)))
    cut = cut_for("synthesis.shard_images=2", "filter.unit=critique")
    make_data(runner, cut, 1, cut.base, {})
    given, made = runner.given, runner.made
    assert [one.drawn for one in given["whole"]] == given["critiques"]
    assert [one.critiques for one in given["whole"]] == made["critiques"]
    for name in ("judgements", "unions", "refinements"):
        assert [one.critiques for one in given[name]] == made["whole"]
    assert [one.written.critiques for one in given["plans"]] == made["critiques"]
