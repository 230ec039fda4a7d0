"""A training that is killed and started again ends in the bits of one that was never disturbed."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from models.payloads import Curves
from storage.checkpoints import newest_checkpoint
from storage.images import encode_png
from storage.objects import ObjectStore
from tasks.training_runner import run_training
from tasks.training_spec import TrainingSpec
from tests.loop import stored_dataset, training_inputs
from viper.errors import Collapsed, ModelError, ProfileError
from viper.records import ArtifactRef
from viper.settings import GrpoStage, ModelSettings, RewardSettings, SftStage, Stage, VlmSettings

# Each process imports torch, transformers and TRL: many seconds on a busy machine.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

STAGE = GrpoStage(
    objective="grpo",
    lessons=("vop",),
    steps=8,
    prompts_per_step=2,
    generations=4,
    updates_per_batch=2,
    learning_rate=1e-2,
    max_completion_tokens=12,
    checkpoint_steps=3,  # becomes 4, since two updates share a rollout batch
    micro_batch=4,
)
SUPERVISED = SftStage(
    objective="sft",
    lessons=("csr", "vop"),
    steps=8,
    rows_per_step=4,
    learning_rate=1e-2,
    checkpoint_steps=4,
    micro_batch=2,
)
# So low that the babble of an untrained model earns unequal rewards.
REWARD = RewardSettings(threshold=0.05, coverage_weight=0.5)


@pytest.fixture(scope="module")
def vlm(tmp_path_factory: pytest.TempPathFactory) -> VlmSettings:
    return small_vlm(tmp_path_factory.mktemp("vlm"))


def small_vlm(folder: Path) -> VlmSettings:
    import torch

    from models.worlds.shapes.tokenizer import make_tokenizer
    from models.worlds.shapes.vlm import make_vlm, save_vlm

    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    save_vlm(make_vlm(tokenizer), tokenizer, folder)
    return VlmSettings(path=str(folder), dtype="float32", device="cpu")


def small_dataset(store: ObjectStore) -> ArtifactRef:
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": f"r{number}",
            "images": [
                encode_png(Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8))) for _ in range(2)
            ],
            "prompt": "what was changed from the first picture to the second?",
            "truth": ["make the object at the top left red.", "remove the object at the bottom center."],
            "meta": "{}",
        }
        for number in range(5)
    ]
    return stored_dataset(store, "dataset", rows, {}, 0)


def spec_in(
    folder: Path, vlm: VlmSettings, stage: Stage = STAGE, method: Literal["lora", "full"] = "lora", **rules: Any
) -> TrainingSpec:
    store = ObjectStore(str(folder / "store"))
    datasets = (small_dataset(store),) * len(stage.lessons)
    return TrainingSpec(
        inputs=training_inputs(stage, method=method, datasets=datasets, reward=REWARD, **rules),
        store_root=str(folder / "store"),
        model=vlm,
        similarity=ModelSettings(path="shapes:similarity", dtype="float32", device="cpu"),
        code_version="1",
        adapter="",
        work_folder=str(folder / "work"),
    )


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("stage", "method"),
    [
        # Rounds that are killed in their training do in tests/e2e/test_round.py, and trainings inside one process in
        # tests/libraries/test_grpo_resume.py.
        pytest.param(STAGE, "lora", marks=pytest.mark.slow),
        pytest.param(STAGE, "full", marks=pytest.mark.slow),
        pytest.param(SUPERVISED, "lora", marks=pytest.mark.slow),
    ],
)
def test_a_killed_training_resumes_to_the_same_bits(
    tmp_path: Path, vlm: VlmSettings, stage: Stage, method: Literal["lora", "full"]
) -> None:
    from safetensors.torch import load_file

    spec_whole = spec_in(tmp_path / "whole", vlm, stage, method)
    whole = run_training(spec_whole, 600, print)
    assert (whole.steps, whole.resumed_from) == (STAGE.steps, 0)

    spec = spec_in(tmp_path / "parts", vlm, stage, method)
    store = ObjectStore(spec.store_root)

    def kill_after_a_checkpoint(line: dict[str, Any]) -> None:
        if newest_checkpoint(store, spec.inputs.checkpoints):
            raise Killed

    with pytest.raises(Killed):
        run_training(spec, 600, kill_after_a_checkpoint)
    saved = newest_checkpoint(store, spec.inputs.checkpoints)
    assert saved is not None
    lines: list[dict[str, Any]] = []
    # Another machine: nothing is left but the store.
    resumed = run_training(spec.model_copy(update={"work_folder": str(tmp_path / "other")}), 600, lines.append)

    assert resumed.resumed_from == saved[0]
    curves = [Path(folder, "curves.json").read_bytes() for folder in (spec_whole.work_folder, tmp_path / "other")]
    assert curves[0] == curves[1]
    assert [one["step"] for one in Curves.parse(curves[0]).root] == list(range(1, STAGE.steps + 1))
    assert saved[0] in (4, 8)  # 8 only where the store is slower than the training
    assert [line["step"] for line in lines] == list(range(saved[0], 9))
    # Once more, as if it had been killed between its last checkpoint and its result.
    again = run_training(spec, 600, lines.append)
    assert again.resumed_from == STAGE.steps

    # All files: the tokenizer's, too, which remembers how it was used last.
    expected = {path.name: path.read_bytes() for path in Path(whole.model_folder).iterdir()}
    for result in (resumed, again):
        found = {path.name: path.read_bytes() for path in Path(result.model_folder).iterdir()}
        assert expected.keys() == found.keys()
        assert [name for name in expected if expected[name] != found[name]] == []
        measure = "loss" if stage.objective == "sft" else "reward"
        assert result.begin[measure] == whole.begin[measure]
        assert result.end[measure] == whole.end[measure]
    if method == "full":
        trained, base = (load_file(Path(path) / "model.safetensors") for path in (whole.model_folder, vlm.path))
        assert not all(trained[name].equal(base[name]) for name in base), "nothing was learned: the test proves nothing"
    else:
        adapter = load_file(Path(whole.model_folder) / "adapter_model.safetensors")
        assert any(value.any() for name, value in adapter.items() if "lora_B" in name), "nothing was learned"


def test_a_process_that_would_abort_at_its_end_has_trained(
    tmp_path: Path, vlm: VlmSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a library's thread does when it outlives the interpreter."""
    aborts = "import atexit, os, sys\nif 'tasks.training_process' in sys.orig_argv:\n    atexit.register(os.abort)\n"
    (tmp_path / "sitecustomize.py").write_text(aborts)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stage = SUPERVISED.model_copy(update={"steps": 2, "warmup_steps": 1, "checkpoint_steps": 1})
    assert run_training(spec_in(tmp_path, vlm, stage), 600, print).steps == 2


@pytest.mark.slow
def test_a_training_that_collapses_ends_early_and_goes_on_once_the_threshold_allows_it(
    tmp_path: Path, vlm: VlmSettings
) -> None:
    # No text has an entropy this high: every window collapses, the first after three batches of two prompts.
    spec = spec_in(tmp_path, vlm, window_prompts=6, min_entropy_nats=100.0)
    lines: list[dict[str, Any]] = []
    with pytest.raises(Collapsed, match=r"After step 5 of the training, entropy .* collapse.min_entropy_nats is 100"):
        run_training(spec, 600, lines.append)
    assert lines[-1]["step"] == 5  # the step that shows it is reported
    resumed = run_training(spec_in(tmp_path, vlm), 600, print)
    assert (resumed.steps, resumed.resumed_from) == (STAGE.steps, 4)


def test_a_missing_model_is_reported_as_such(tmp_path: Path, vlm: VlmSettings) -> None:
    spec = spec_in(tmp_path, vlm)
    broken = spec.model_copy(update={"model": vlm.model_copy(update={"path": str(tmp_path / "nowhere")})})
    with pytest.raises(ModelError, match="There is no folder"):
        run_training(broken, 600, print)


def test_a_launcher_that_starts_fewer_processes_than_it_is_told_is_refused(tmp_path: Path, vlm: VlmSettings) -> None:
    spec = spec_in(tmp_path, vlm)
    told = ("accelerate", "launch", "--num_processes", "2", "--cpu")
    with pytest.raises(ProfileError, match=r"asks for 2 processes, but 1 started.*torchrun --nproc_per_node 2"):
        run_training(spec.model_copy(update={"launcher": told}), 600, print)
