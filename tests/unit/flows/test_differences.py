"""What a round says of the one before it: settings, dataset versions, scores."""

from pathlib import Path

from flows.differences import before, changed
from storage.ledger.requests import keep_request
from storage.objects import ObjectStore
from tasks.changes import dataset_rows, score_rows
from tests.loop import cut_for, stored_dataset
from viper.profiles import override
from viper.records import ArtifactRef, Difference, ModelRef, RoundResult, SuiteResult, Verdict

NONE = Difference(points=0, low=0, high=0)


def verdict(*scores: tuple[str, float]) -> Verdict:
    rows = tuple(
        SuiteResult(
            suite=suite,
            questions=1,
            base=0,
            champion=0,
            candidate=score,
            against_base=NONE,
            against_champion=NONE,
        )
        for suite, score in scores
    )
    return Verdict(decision="promote", reason="", suites=rows[:-1], mean=rows[-1])


def version(store: ObjectStore, rows: int, reasons: dict[str, int]) -> ArtifactRef:
    samples = [
        {"id": str(number), "images": [], "prompt": "?", "truth": ["one.", "two."], "meta": "{}"}
        for number in range(rows)
    ]
    lineage = {"reasons": reasons, "left_out_for_balance": 1}
    return stored_dataset(store, f"datasets/{rows}", samples, lineage, 0)


def test_settings_that_differ_are_named_by_path_with_both_values() -> None:
    settings = cut_for().settings
    now = override(settings, ["gate.resamples=7", "training.stages.0.steps=3", "benchmarks.suites=['counting']"])
    found = {name: values for name, *values in changed(settings.model_dump(mode="json"), now.model_dump(mode="json"))}
    assert found["gate.resamples"] == [str(settings.gate.resamples), "7"]
    assert found["training.stages.0.steps"] == [str(settings.training.stages[0].steps), "3"]
    assert found["benchmarks.suites"][1] == "['counting']"
    assert len(found) == 3
    fewer = settings.model_dump(mode="json")
    del fewer["training"]["stages"][1]
    gone = {name: now for name, _, now in changed(settings.model_dump(mode="json"), fewer)}
    assert gone["training.stages.1.steps"] == "–"


def test_a_round_is_compared_with_what_was_asked_for_the_one_before(tmp_path: Path) -> None:
    store, settings = ObjectStore(str(tmp_path)), cut_for().settings
    keep_request(store, "shapes", 1, settings)
    model = ModelRef(name="base", fingerprint="f")
    ref = ArtifactRef(kind="dataset", uri="d", sha256="s", size_bytes=1)
    last = RoundResult(
        evolution=settings.evolution,
        round_number=1,
        settings_sha256=settings.sha256,
        base=model,
        champion_before=model,
        candidate=model,
        champion_after=model,
        datasets={"csr": ref},
        report=ref,
        verdict=verdict(("mean", 1.0)),
        seconds=(),
    )
    other = override(settings, ["seed=99"])
    found = before(store, other, last)
    assert found is not None
    assert found.settings == (("seed", str(settings.seed), "99"),)
    assert found.datasets == {"csr": ref}
    assert before(store, settings, None) is None


def test_dataset_versions_are_compared_by_size_and_yield(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path))
    one, two = version(store, 3, {"accepted": 4, "empty": 4}), version(store, 9, {"accepted": 10, "empty": 10})
    assert dataset_rows(store, {"csr": one}, {"csr": two, "vop": one}) == [
        ("csr: samples", "3", "9"),
        ("csr: sentences a sample", "2.00", "2.00"),
        ("csr: kept by the filter", "50.0%", "50.0%"),
        ("vop: samples", "–", "3"),
        ("vop: sentences a sample", "–", "2.00"),
        ("vop: kept by the filter", "–", "50.0%"),
    ]


def test_scores_are_compared_where_both_rounds_have_them() -> None:
    first, second = verdict(("a", 50.0), ("b", 60.0), ("mean", 55.0)), verdict(("a", 52.0), ("mean", 52.0))
    assert score_rows([first, second]) == [("a", "50.0", "52.0"), ("mean", "55.0", "52.0")]
    assert score_rows([first]) == score_rows([first, Verdict(decision="collapse", reason="")]) == []
