"""What a plan counts, what it calls too large, and what a measurement changes in it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from commands.cli import app
from flows.plan import preflight
from flows.plan.account import make_plan
from flows.plan.expectations import estimated
from flows.plan.preflight import check_memory
from flows.plan.rates import Measurement, Rate, fingerprint, measurement_file
from flows.plan.records import Plan
from models.sizes.cards import CARDS, Card, processor
from viper.errors import ModelError
from viper.profiles import load_profile, override, profile_names
from viper.settings import Settings

GIB = 2**30
CPU = processor(8 * GIB)
HARDWARE = {
    "shapes": (CPU, 0),
    "qwen2.5-vl-3b": (CARDS["H100"], 4),
    "qwen2.5-vl-3b-lite": (CARDS["H100"], 1),
    "qwen2.5-vl-7b": (CARDS["H100"], 8),
    "qwen2.5-vl-7b-lite": (CARDS["H100"], 1),
    "qwen3-vl-8b": (CARDS["H100"], 8),
}
"""What the header of each profile states."""
NIGHT_S = 12 * 3600


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


FEW = ("pool.images_per_round=100", "benchmarks.limit=64")
"""Where amounts do not matter."""


def planned(profile: str, *changes: str, card: Card = CARDS["H100"], gpus: int = 0) -> Plan:
    return make_plan(override(load_profile(profile), list(changes)), card, gpus)


def test_the_embedded_round_is_counted_by_hand() -> None:
    plan = planned("shapes", card=CPU)
    assert plan.counts == {
        "pictures": 400,
        "captions": 400 + 100,  # the candidate's of the first shard; the base's are there
        "paintings": 400 + 48 + 400 * 4 + 400,  # of captions, for the noise, of corrections alone and together
        "critiques": 400 * 24,
        "edits": 400,
        "answers": 2 * 8_000,  # of base and candidate; the champion is the base
    }
    lines = {line.step: line for line in plan.lines}
    assert (lines["training csr"].units, lines["training vop"].units) == (18, 16)
    assert lines["critiques"].prompts == 9_600  # rules rewrite: the VLM is asked for critiques alone
    assert lines["loading"].units == 4 + 2 + 2 + 1 + 1 + 1
    assert lines["captions"].gpus == 0


def test_what_a_vlm_rewrites_and_writes_is_asked_of_it() -> None:
    lines = {line.step: line for line in planned("qwen2.5-vl-7b-lite").lines}
    # Two draws say two corrections, by each of which the caption is rewritten, and once more by both.
    assert lines["critiques"].prompts == 1_000 * (2 + 2 + 1)
    assert lines["plans"].prompts == 1_000
    # Whether operations happened is not asked by default; where it is, the VLM sees two photographs, twice an edit.
    assert "witnesses" not in lines
    asked = {line.step: line for line in planned("qwen2.5-vl-7b-lite", "filter.ask_vlm=true").lines}["witnesses"]
    assert asked.prompts == asked.units == 1_000 * 2
    assert asked.prompt_tokens / asked.prompts == pytest.approx(2 * 1_230 + 100 + 96, abs=60)
    # A caption shows a photograph, which costs 1,230 tokens, and says about half of 384.
    assert lines["captions"].reply_tokens == 1_100 * 192
    assert lines["captions"].prompt_tokens / 1_100 == pytest.approx(1_230 + 80, abs=40)


@pytest.mark.parametrize("profile", profile_names())
def test_every_shipped_profile_fits_the_hardware_that_it_names(profile: str) -> None:
    (card, gpus), settings = HARDWARE[profile], load_profile(profile)
    plan = make_plan(settings, card, gpus)
    assert plan.faults == ()
    assert plan.gpus == max(1, gpus)
    if profile.endswith("-lite") or settings.run.workers == "ray":
        assert plan.seconds < NIGHT_S


def test_a_phase_that_does_not_fit_is_named_with_its_parts_and_what_to_change() -> None:
    (fault,) = planned("qwen2.5-vl-7b-lite", "synthesis.batch=200", *FEW).faults
    assert fault.startswith("critiques needs ")
    assert "weights 16.0 GiB" in fault
    assert "cache 2" in fault
    assert "Lower synthesis.batch" in fault
    full = planned("qwen2.5-vl-7b", "training.method=full", "filter.min_samples=50", *FEW)
    # 7.6 billion numbers: 4 bytes of gradients, 8 of moments, 2 of autocast's copy; and all weights in 32 bits.
    assert [fault.partition(" needs")[0] for fault in full.faults] == ["training csr", "training vop"]
    assert "weights 33.0 GiB, optimizer 99.3 GiB" in full.faults[0]
    small = planned("qwen2.5-vl-3b-lite", *FEW, card=CARDS["RTX4090"])
    assert {fault.partition(" needs")[0] for fault in small.faults} >= {"paintings", "edits"}
    assert not any(fault.startswith("plans") for fault in small.faults)


def test_more_processes_than_gpus_are_a_fault_and_idle_gpus_a_note() -> None:
    (fault,) = planned("qwen2.5-vl-7b", *FEW, gpus=4).faults
    assert "starts 8 processes, each with a GPU of its own, but there are 4" in fault
    assert any("one process on one GPU" in note for note in planned("qwen3-vl-8b", *FEW).notes)
    assert not any("one process on one GPU" in note for note in planned("qwen2.5-vl-7b", *FEW).notes)
    assert not any("one process on one GPU" in note for note in planned("qwen2.5-vl-7b-lite", *FEW).notes)


def test_actors_share_what_has_shards_and_take_their_turns() -> None:
    few = ("pool.images_per_round=900", "benchmarks.limit=64", "filter.min_samples=1")
    alone, shared = (
        {line.step: line for line in planned("qwen2.5-vl-7b", f"run.workers={workers}", *few, *more, gpus=8).lines}
        for workers, more in (("process", ()), ("ray", ("run.editor.actors=3", "run.painter.gpus=2")))
    )
    # Nine shards of 100 pictures: on eight GPUs two turns, by three editors three, by four painters of two GPUs three.
    for step, turns in (("critiques", 2), ("edits", 3), ("paintings", 3), ("pool", 1)):
        assert shared[step].seconds == pytest.approx(alone[step].seconds * turns / 9, rel=0.02)
    assert (shared["critiques"].gpus, shared["edits"].gpus, shared["paintings"].gpus) == (8, 3, 8)
    for step in ("training csr", "dataset"):
        assert shared[step].seconds == alone[step].seconds


def test_a_judge_on_another_gpu_leaves_the_painters() -> None:
    together = {phase.name: phase for phase in planned("qwen2.5-vl-7b", *FEW).phases}
    apart = {phase.name: phase for phase in planned("qwen2.5-vl-7b", "judge.device=cuda:1", *FEW).phases}
    assert apart["judgements judged"].device == "cuda:1"
    freed = together["judgements"].parts.total - apart["judgements"].parts.total
    assert 0 < freed <= apart["judgements judged"].parts.total


def test_a_measurement_takes_the_place_of_estimates_for_any_amount_of_the_same_work() -> None:
    settings = load_profile("shapes")
    kept = Measurement(
        card="cpu",
        taken="today",
        expected=estimated(settings).model_copy(update={"refined": 1.5, "source": "measured here"}),
        rates={"paintings": Rate(seconds=0.25, bytes=100, source="measured here")},
        loading_s={"vlm": 2.0},
        runtime={"captions": GIB},
    )
    file = measurement_file("cpu", settings)
    file.parent.mkdir(parents=True)
    file.write_text(kept.model_dump_json())
    plan = planned("shapes", "pool.images_per_round=40", "synthesis.shard_images=100", card=CPU)
    lines = {line.step: line for line in plan.lines}
    # Captions, 48 for the noise, corrections by themselves and together.
    assert plan.counts["paintings"] == 40 + 48 + 40 * 1.5 + 40
    assert lines["paintings"].seconds == pytest.approx(40 * 0.25, abs=0.1)
    assert (lines["paintings"].source, lines["paintings"].stored_bytes) == ("measured here", 4_000)
    assert "estimate" in lines["edits"].source
    assert next(phase for phase in plan.phases if phase.name == "captions").parts.runtime == GIB
    assert (
        planned("shapes", "models.painter.steps=7", card=CPU).counts["paintings"] == 400 + 48 + 400 * 4 + 400
    )  # other work


def test_amounts_are_not_in_the_fingerprint_of_a_measurement_and_everything_else_is() -> None:
    settings = load_profile("shapes")

    def of(*changes: str) -> str:
        return fingerprint(override(settings, list(changes)))

    assert of("pool.images_per_round=9", "training.stages.csr.steps=4", "seed=3", "evolution=other") == of()
    assert len({of(), of("models.painter.steps=7"), of("synthesis.batch=7"), of("training.lora.rank=8")}) == 4


def on_a_gpu() -> Settings:
    devices = [f"models.{role}.device=cuda" for role in ("vlm", "painter", "editor", "similarity")]
    return override(load_profile("shapes"), devices)


def test_a_round_that_does_not_fit_the_gpu_that_is_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = CARDS["H100"].model_copy(update={"name": "small", "memory_bytes": GIB})
    monkeypatch.setattr(preflight, "card_here", lambda device: small)
    with pytest.raises(ModelError, match=r"training csr needs .* GiB on cuda \(.*cache .*\), but of small's 1\.0 GiB"):
        check_memory(on_a_gpu())
    monkeypatch.setattr(preflight, "card_here", lambda device: CARDS["H100"])
    check_memory(on_a_gpu())


def test_nothing_is_asked_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "set_up", lambda *_: pytest.fail("a rehearsal began"))
    check_memory(load_profile("shapes"))
    check_memory(on_a_gpu())  # no such device is here: another check says so


def test_the_command_prints_a_plan_and_fails_where_a_phase_does_not_fit() -> None:
    fits = CliRunner().invoke(app, ["plan", "--profile", "shapes", "--json"])
    assert fits.exit_code == 0
    assert json.loads(fits.stdout)["counts"]["pictures"] == 400
    few = [word for change in FEW for word in ("--set", change)]
    told = CliRunner().invoke(app, ["plan", "--profile", "qwen2.5-vl-7b", "--card", "RTX4090", *few])
    assert told.exit_code == 2
    assert "Does not fit: paintings needs" in told.stdout
    assert "1,230 tokens for 4,000 × 3,000 pixels" in told.stdout
    unknown = CliRunner().invoke(app, ["plan", "--card", "H10"])
    assert (unknown.exit_code, "Did you mean 'H100'" in unknown.stderr) == (2, True)
