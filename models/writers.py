"""Who plays the vision-language model in synthesis and benchmarks, by ``models.vlm.serving``."""

from typing import TYPE_CHECKING

from viper.settings import VlmSettings

if TYPE_CHECKING:
    from models.roles import Answerer


def load_writer(settings: VlmSettings, adapter: str = "") -> "Answerer":
    """The model, ready to be asked.

    Args:
        settings: Of the model.
        adapter: Folder of the adapter on its weights; empty for none.

    Raises:
        ModelError: It cannot be loaded, or servers do not have it.
        AddressError: The environment names no usable servers.
        EndpointAway: A server does not answer.
    """
    serving = settings.serving
    if serving.engine == "endpoint":
        from models.endpoints.writer import EndpointVlm

        return EndpointVlm(settings, serving, adapter)
    if serving.engine == "vllm":
        from models.endpoints.own import VllmVlm

        return VllmVlm(settings, serving, adapter)
    from models.vlm import load_vlm

    return load_vlm(settings, adapter)
