"""LoRA adapters: put on a model and never merged into its weights.

bfloat16 keeps 8 bits of a number. What a stage adds to a weight is mostly smaller than the last of them, so a merge
would round most of it away: of 20 steps at a rate of 1e-5, 87 %. An adapter stays beside the weights, in 32 bits, and
its product is added to theirs in every forward pass (arXiv 2106.09685, equation 3).
"""

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.pickles import refuse_pickles
from viper.errors import ModelError

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def put_on(model: Any, folder: str, trainable: bool = False) -> "PeftModel":
    """A model with an adapter on it.

    Args:
        model: Of transformers. It is changed in place.
        folder: The adapter, as peft saves it.
        trainable: Whether the adapter's weights shall learn.

    Raises:
        ModelError: The folder holds no adapter of this model, or a pickle.
    """
    from peft import PeftConfig, PeftModel

    refuse_pickles(Path(folder))
    try:
        config = PeftConfig.from_pretrained(folder)
        config.inference_mode = not trainable
        with warnings.catch_warnings():
            # peft 0.21 asks transformers 5 for a name that is on its way out.
            warnings.filterwarnings("ignore", ".is_gradient_checkpointing.", FutureWarning)
            adapted = PeftModel(model, config)
        found = adapted.load_adapter(folder, "default", is_trainable=trainable)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(f"{folder} cannot be loaded as a LoRA adapter: {error}") from error
    # peft says nothing of weights that find no place, and leaves a place without weights as it was drawn.
    if strange := [*found.missing_keys, *found.unexpected_keys]:
        raise ModelError(
            f"The adapter in {folder} is none of this model: {len(strange)} of its weights and places do not fit, such "
            f"as {strange[0]!r}. Expected an adapter that was trained from the same base."
        )
    return adapted


def check_kept(adapted: "PeftModel", config: "LoraConfig") -> None:
    """Look whether an adapter that shall learn on has the form that the settings ask for.

    Raises:
        ModelError: It has another rank, scale or place.
    """
    own = adapted.peft_config["default"]
    for name, setting in (("r", "rank"), ("lora_alpha", "alpha"), ("target_modules", "target_modules")):
        has, wanted = getattr(own, name), getattr(config, name)
        if has != wanted:
            raise ModelError(
                f"The adapter to go on with has {setting} {has!r}, but training.lora.{setting} is {wanted!r}. An "
                "adapter keeps its form through stages and rounds: set it back, or begin another evolution."
            )


def save_adapter(
    adapted: "PeftModel", base: str, revision: str, folder: Path, weights: dict[str, Any] | None = None
) -> None:
    """Write an adapter as peft, vLLM and others read it: its weights in the format in which they learned.

    Equal weights give equal files, whichever machine wrote them.

    Args:
        adapted: The model with the adapter.
        base: Hub name of the model below the adapter; empty if it has none.
        revision: Its commit.
        folder: Where to write. It must be there.
        weights: By name, where the model holds parts of them alone.
    """
    adapted.save_pretrained(folder, safe_serialization=True, state_dict=weights)
    (folder / "README.md").unlink(missing_ok=True)  # a card with this machine's paths in it
    path = folder / CONFIG
    config = json.loads(path.read_text())
    config |= {"base_model_name_or_path": base or None, "revision": revision or None, "inference_mode": True}
    path.write_text(json.dumps(config, indent=2, sort_keys=True))
