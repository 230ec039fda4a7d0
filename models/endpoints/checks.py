"""What servers are asked before any work: the model, how they read a prompt, and whether they take adapters."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from models.endpoints.dialects import CHAT
from models.endpoints.servers import Answerless, Refusal
from models.endpoints.writer import EndpointVlm
from models.families.weights import adapter_targets
from models.prompt_reader import Prompt
from models.served import Sampling
from viper.errors import EndpointAway, ModelError
from viper.settings import TrainingSettings, VlmSettings

SHOWN = (96, 64)
"""Width and height of the picture that each server is shown, in pixels."""


def check_endpoints(vlm: VlmSettings, text: str, training: TrainingSettings | None) -> None:
    """Ask each server for one token, with an adapter on the model if champions will have one.

    The adapter has the form of the training's, on one layer, and changes nothing: it is all zeros.

    Args:
        vlm: The model. Nothing is asked where no servers generate with it.
        text: Of a prompt with one picture.
        training: ``None`` where only models without an adapter are asked.

    Raises:
        AddressError: No usable address, or a key that is refused.
        EndpointAway: A server does not answer.
        ModelError: A server has another model, reads the prompt otherwise, or does not take the adapter.
    """
    from PIL import Image

    if vlm.serving.engine != "endpoint":
        return
    writer = EndpointVlm(vlm, vlm.serving)
    try:
        if training is not None:
            if writer.speech.dialect != "vllm":
                raise ModelError(
                    "The servers of models.vlm are no vLLM, which alone takes the adapters of champions while it runs. "
                    "Others can be asked by `viper benchmark`, for the model without adapters."
                )
            with TemporaryDirectory() as folder:
                write_empty_adapter(writer, vlm, training, Path(folder))
                writer.adopt(Path(folder))
        _ask_each(writer, Prompt(text, (Image.new("RGB", SHOWN, (128, 64, 32)),)))
    finally:
        writer.close()


def _ask_each(writer: EndpointVlm, prompt: Prompt) -> None:
    asked = writer.asked(prompt)
    body = writer.speech.body(asked, Sampling(max_new_tokens=1))
    for server in writer.servers.all:
        try:
            writer.speech.replies(writer.servers.call(server, "POST", CHAT, body), asked)
        except Answerless as error:
            raise EndpointAway(f"{error}. Start it, or correct VIPER_VLM_ENDPOINTS.") from error
        except Refusal as error:
            raise ModelError(f"A server refuses a prompt of models.vlm: {error}") from error


def write_empty_adapter(writer: EndpointVlm, vlm: VlmSettings, training: TrainingSettings, folder: Path) -> None:
    """Write an adapter of the training's form on one layer, all zeros.

    Args:
        writer: Of the model.
        vlm: The model.
        training: How adapters are made.
        folder: Where to write.
    """
    import torch
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
    from safetensors.torch import save_file
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(writer.config, attn_implementation=vlm.attention)
    wanted = adapter_targets(model, writer.family, training.lora.target_modules, training.vision_tower)
    hits = [name for name, _ in model.named_modules() if re.fullmatch(wanted, name)]
    layer = re.sub(r"(\.\d+\.).*", r"\1", hits[0])
    first = "|".join(re.escape(name) for name in hits if name.startswith(layer))
    config = LoraConfig(r=training.lora.rank, lora_alpha=training.lora.alpha, target_modules=first)
    with torch.device("meta"):
        model = inject_adapter_in_model(config, model)
    weights = get_peft_model_state_dict(model)
    zeros = {f"base_model.model.{name}": torch.zeros(one.shape) for name, one in weights.items()}
    config.save_pretrained(str(folder))
    save_file(zeros, folder / "adapter_model.safetensors")
