"""The table of pipeline families. ``docs/models.md`` shows it with the test that proves each cell."""

import json
from pathlib import Path

from models.pipelines.family import COMMON, SIDES, PipelineFamily, Role, Source, TextLimit
from models.pipelines.omnigen2 import OMNIGEN2
from models.worlds import WORLDS
from viper.errors import ModelError
from viper.pictures import ShapeLimits

CLIP = 77
"""Tokens that CLIP has positions for."""
UNBINNED = {"use_resolution_binning": False}
"""Otherwise a pipeline paints at the nearest of its own sizes, and scales and crops the picture to what was asked."""
UNET, SECOND = (*COMMON, "unet"), ("text_encoder_2", "tokenizer_2")
ONE_REFERENCE = Source(batched=False)

FAMILIES: tuple[PipelineFamily, ...] = (
    PipelineFamily(
        name="Stable Diffusion",
        classes=("StableDiffusionPipeline",),
        roles=("painter",),
        multiple_px=8,
        parts=UNET,
        guidance="guidance_scale",
        text=TextLimit(CLIP),
    ),
    PipelineFamily(
        name="SDXL",
        classes=("StableDiffusionXLPipeline",),
        roles=("painter",),
        multiple_px=8,
        parts=(*UNET, *SECOND),
        guidance="guidance_scale",
        text=TextLimit(CLIP, ("tokenizer", "tokenizer_2")),
    ),
    PipelineFamily(
        name="Qwen-Image",
        classes=("QwenImagePipeline",),
        roles=("painter",),
        multiple_px=16,
        guidance="true_cfg_scale",
        text=TextLimit(1024, frame="template"),
        fixed={"max_sequence_length": 1024},
        caches=True,
    ),
    PipelineFamily(
        name="FLUX.1",
        classes=("FluxPipeline",),
        roles=("painter",),
        multiple_px=16,
        parts=(*COMMON, "transformer", *SECOND),
        guidance="guidance_scale",
        kind="embedded",
        negative=False,
        text=TextLimit(512, ("tokenizer_2",)),
        fixed={"max_sequence_length": 512},
        caches=True,
    ),
    PipelineFamily(
        name="FLUX.2 Klein",
        classes=("Flux2KleinPipeline",),
        roles=("painter", "editor"),
        multiple_px=16,
        guidance="guidance_scale",
        negative=False,  # its own: an empty one
        distilled="is_distilled",
        text=TextLimit(512, frame="chat"),
        shapes=ShapeLimits(min_side_px=64, max_aspect=8),
        source=ONE_REFERENCE,
        fixed={"max_sequence_length": 512},
    ),
    PipelineFamily(
        name="Sana",
        classes=("SanaPipeline",),
        roles=("painter",),
        multiple_px=32,
        guidance="guidance_scale",
        text=TextLimit(300, frame="instruction"),
        fixed={**UNBINNED, "max_sequence_length": 300},
    ),
    PipelineFamily(
        name="PixArt-α",
        classes=("PixArtAlphaPipeline",),
        roles=("painter",),
        multiple_px=16,
        guidance="guidance_scale",
        text=TextLimit(120, frame="lowered"),
        fixed={**UNBINNED, "clean_caption": False, "max_sequence_length": 120},
    ),
    PipelineFamily(
        name="PixArt-Σ",
        classes=("PixArtSigmaPipeline",),
        roles=("painter",),
        multiple_px=16,
        guidance="guidance_scale",
        text=TextLimit(300, frame="lowered"),
        fixed={**UNBINNED, "clean_caption": False, "max_sequence_length": 300},
    ),
    PipelineFamily(
        name="Z-Image",
        classes=("ZImagePipeline",),
        roles=("painter",),
        multiple_px=16,
        guidance="guidance_scale",
        text=TextLimit(512, frame="thinking"),
        fixed={"max_sequence_length": 512},
    ),
    PipelineFamily(
        name="PRX",
        classes=("PRXPixelPipeline",),
        roles=("painter",),
        multiple_px=16,
        parts=("text_encoder", "tokenizer", "scheduler", "transformer"),
        guidance="guidance_scale",
        text=TextLimit(0),  # each folder has its own
        fixed=UNBINNED,
        guided_alone=True,  # it makes two time steps of a guided batch of any size
    ),
    PipelineFamily(
        name="InstructPix2Pix",
        classes=("StableDiffusionInstructPix2PixPipeline",),
        roles=("editor",),
        multiple_px=8,
        parts=UNET,
        guidance="guidance_scale",
        image_guidance="image_guidance_scale",
        text=TextLimit(CLIP),
        sizes={},
    ),
    PipelineFamily(
        name="InstructPix2Pix SDXL",
        classes=("StableDiffusionXLInstructPix2PixPipeline",),
        roles=("editor",),
        multiple_px=8,
        parts=(*UNET, *SECOND),
        guidance="guidance_scale",
        image_guidance="image_guidance_scale",
        text=TextLimit(CLIP, ("tokenizer", "tokenizer_2")),
    ),
    PipelineFamily(
        name="Qwen-Image-Edit",
        classes=("QwenImageEditPipeline",),
        roles=("editor",),
        multiple_px=32,
        parts=(*COMMON, "transformer", "processor"),
        guidance="true_cfg_scale",
        text=TextLimit(1024),
        caches=True,
        qwen_processor=True,
    ),
    PipelineFamily(
        name="Qwen-Image-Edit-Plus",
        classes=("QwenImageEditPlusPipeline",),
        roles=("editor",),
        multiple_px=32,
        parts=(*COMMON, "transformer", "processor"),
        guidance="true_cfg_scale",
        text=TextLimit(1024),
        source=ONE_REFERENCE,
        caches=True,
        qwen_processor=True,
    ),
    PipelineFamily(
        name="FLUX.1 Kontext",
        classes=("FluxKontextPipeline",),
        roles=("editor",),
        multiple_px=16,
        parts=(*COMMON, "transformer", *SECOND),
        guidance="guidance_scale",
        kind="embedded",
        negative=False,
        text=TextLimit(512, ("tokenizer_2",)),
        sizes={**SIDES, "max_area": "area"},  # it scales the sides to the area, a megapixel unless told
        fixed={"max_sequence_length": 512, "_auto_resize": False},  # it would stretch sources to sizes of its own
    ),
    PipelineFamily(
        name="OmniGen",
        classes=("OmniGenPipeline",),
        roles=("editor",),
        multiple_px=16,
        parts=("vae", "tokenizer", "scheduler", "transformer"),
        guidance="guidance_scale",
        negative=False,  # its own, built in
        image_guidance="img_guidance_scale",
        sizes={**SIDES, "max_input_image_size": "longest"},
        source=Source("input_images", batched=False, nested=True, prompt="<img><|image_1|></img> {}"),
        global_noise=True,
        needs="torchvision",
    ),
    PipelineFamily(
        name="OmniGen2",
        classes=OMNIGEN2,
        roles=("editor",),
        multiple_px=16,
        parts=("vae", "mllm", "processor", "scheduler", "transformer"),
        guidance="text_guidance_scale",
        image_guidance="image_guidance_scale",
        text=TextLimit(1024, ("processor.tokenizer",), "omnigen2"),
        sizes={**SIDES, "max_pixels": "area", "max_input_image_side_length": "longest"},
        source=Source("input_images", batched=False),
        global_noise=True,
        fixed={"max_sequence_length": 1024},
        package="omnigen2.pipelines.omnigen2.pipeline_omnigen2",
    ),
)
LINE = "Add a line to FAMILIES in models/pipelines/families.py (CONTRIBUTING.md, “A new pipeline family”)."


def known_families() -> dict[str, PipelineFamily]:
    """The table's families and those of the worlds, by class name."""
    own = [family for world in WORLDS.values() for family in world.pipeline_families()]
    return {name: family for family in (*FAMILIES, *own) for name in family.classes}


def find_family(class_name: object, role: Role, path: str) -> PipelineFamily:
    """The family of a pipeline, also of one that a world brings along.

    Args:
        class_name: As ``model_index.json`` has it.
        role: What the pipeline is to do.
        path: Of the model, for messages.

    Raises:
        ModelError: The table has no such family, or it plays another role.
    """
    if class_name is None:
        raise ModelError(f"{path} cannot be loaded as a diffusers pipeline: it has no model_index.json with a class.")
    known = known_families()
    family = known.get(str(class_name))
    fitting = ", ".join(name for name, one in known.items() if role in one.roles)
    if family is None:
        raise ModelError(f"{path} is a {class_name}, which nobody told how to call. Known {role}s: {fitting}. {LINE}")
    if role not in family.roles:
        raise ModelError(f"{path} is a {class_name}, which is no {role}. Give one of: {fitting}.")
    return family


def class_name_of(folder: Path) -> object:
    """The class name in a folder's ``model_index.json``; ``None`` without one."""
    index = folder / "model_index.json"
    return json.loads(index.read_text(encoding="utf-8")).get("_class_name") if index.is_file() else None
