"""What is known of a vision-language model before any of its weights is read."""

from models.families import family_of
from models.families.weights import adapter_targets
from models.locations import resolve
from viper.errors import ModelError
from viper.settings import TrainingSettings, VlmSettings


def check_trainable(vlm: VlmSettings, training: TrainingSettings) -> None:
    """Make sure that the model is of a known family and that the adapters have places in it.

    Raises:
        ModelError: The family is not known, the model's description is damaged, or a pattern hits the wrong modules.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    family = family_of(vlm.path, vlm.revision)
    if training.method != "lora":
        return
    try:
        config = AutoConfig.from_pretrained(resolve(vlm.path), revision=vlm.revision, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config)
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(
            f"config.json of {vlm.path} describes no vision-language model: {error} Check models.vlm.path."
        ) from error
    adapter_targets(model, family, training.lora.target_modules, training.vision_tower)
