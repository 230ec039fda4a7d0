"""A champion given to other tools: its adapter as it is, or one whole folder, whose rounding is told."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from typer.testing import CliRunner

from commands.champion import app
from models.adapters import put_on, save_adapter
from models.vlm import load_vlm
from storage.objects import ObjectStore
from tasks.export import export_made, export_merged
from tasks.worker import Machine, Worker
from tests.grpo import random_model
from viper.errors import ModelError
from viper.records import ModelRef
from viper.settings import VlmSettings

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))
    return Worker(ObjectStore(str(tmp_path / "store")), Machine())


@pytest.fixture
def model(tmp_path: Path) -> VlmSettings:
    return random_model(tmp_path / "base")


@pytest.fixture
def base(model: VlmSettings) -> ModelRef:
    return ModelRef(name="base", settings_path=model.path, fingerprint="b")


@pytest.fixture
def champion(model: VlmSettings, base: ModelRef, worker: Worker, tmp_path: Path) -> ModelRef:
    """The base with an adapter that moves every weight a little."""
    form = LoraConfig(r=2, lora_alpha=2, target_modules=r".*language_model.*q_proj", init_lora_weights=False)
    adapted = get_peft_model(load_vlm(model).model, form)
    with torch.no_grad():
        for name, value in adapted.named_parameters():
            if "lora_" in name:
                value.mul_(1e-2)
    (tmp_path / "adapter").mkdir()
    save_adapter(adapted, "", "", tmp_path / "adapter")
    files = {path.name: path for path in (tmp_path / "adapter").iterdir()}
    ref = worker.store.commit("results/model/a", "adapter", files)
    return base.with_lora("round 1", ref, ref.content_sha256)


def test_an_adapter_is_given_as_it_is(worker: Worker, champion: ModelRef, tmp_path: Path) -> None:
    export_made(worker, champion, tmp_path / "out")
    for path in (tmp_path / "adapter").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_merged_model_is_one_folder_and_its_rounding_is_told(
    worker: Worker, model: VlmSettings, base: ModelRef, champion: ModelRef, tmp_path: Path
) -> None:
    shares = {}
    for dtype in ("float32", "bfloat16"):
        shares[dtype] = export_merged(worker, champion, base, dtype, tmp_path / dtype)  # type: ignore[arg-type]
    assert shares["float32"] < 1e-6 < 0.1 < shares["bfloat16"]
    whole = load_vlm(model.model_copy(update={"path": str(tmp_path / "float32")})).model.state_dict()
    expected = put_on(load_vlm(model).model, str(tmp_path / "adapter")).merge_and_unload().state_dict()
    assert all(torch.equal(whole[name], value) for name, value in expected.items())


def test_a_folder_that_is_not_empty_and_a_model_that_no_round_made_are_refused(
    worker: Worker, base: ModelRef, champion: ModelRef, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    for export in (
        lambda: export_made(worker, champion, tmp_path / "full"),
        lambda: export_merged(worker, champion, base, "float32", tmp_path / "full"),
    ):
        with pytest.raises(ModelError, match="is there and not empty"):
            export()
    assert (tmp_path / "full" / "mine").read_text() == "kept"
    with pytest.raises(ModelError, match="No round made 'base'"):
        export_made(worker, base, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_that_fails_leaves_nothing(
    worker: Worker, base: ModelRef, champion: ModelRef, tmp_path: Path
) -> None:
    gone = champion.model_copy(update={"settings_path": str(tmp_path / "gone")})
    with pytest.raises(ModelError, match="There is no folder"):
        export_merged(worker, gone, base, "float32", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_needs(worker: Worker, tmp_path: Path) -> None:
    for arguments in (["nobody"], ["--dtype", "bfloat16"]):
        found = CliRunner().invoke(app, ["export", str(tmp_path / "out"), *arguments])
        assert found.exit_code == 2
        assert not (tmp_path / "out").exists()
