"""The families of vision-language models that the loop knows, looked up by ``model_type`` of ``config.json``.

How to add one stands in CONTRIBUTING.md.
"""

from models.families.family import Family
from models.families.gemma3 import Gemma3
from models.families.idefics3 import Idefics3, SmolVlm
from models.families.internvl import InternVl
from models.families.llava_onevision import LlavaOnevision
from models.families.qwen import Qwen2Vl, Qwen3Vl, Qwen25Vl
from models.locations import read_description
from viper.errors import ModelError

FAMILIES: tuple[Family, ...] = (
    Qwen2Vl(),
    Qwen25Vl(),
    Qwen3Vl(),
    InternVl(),
    LlavaOnevision(),
    Idefics3(),
    SmolVlm(),
    Gemma3(),
)


def find_family(model_type: str, of: str = "") -> Family:
    """The family of models of this type.

    Args:
        model_type: As ``config.json`` names it.
        of: Whose it is, for the error.

    Raises:
        ModelError: There is none; those that are known are named.
    """
    for family in FAMILIES:
        if family.model_type == model_type:
            return family
    known = ", ".join(f"{family.model_type} ({family.name})" for family in FAMILIES)
    raise ModelError(
        f"{of or 'The model'} is of the type {model_type!r}, which is no known family of vision-language models. Known "
        f"here: {known}. Choose one of those as models.vlm.path, or add the family (CONTRIBUTING.md tells how)."
    )


def family_of(path: str, revision: str = "main") -> Family:
    """The family of a model, by its ``config.json`` alone.

    Args:
        path: Folder, hub name or embedded model.
        revision: On the hub; ignored for folders.

    Raises:
        ModelError: There is no such model, it says nothing of its type, or its family is not known.
    """
    model_type = read_description(path, revision, "config.json").get("model_type")
    if not isinstance(model_type, str):
        raise ModelError(
            f"{path} holds no config.json with a model_type, so it is no model of transformers. Check models.vlm.path."
        )
    return find_family(model_type, path)
