"""A small world of real photographs: crops of two that scikit-learn ships, and tiny models of the real classes.

The VLM is made to answer: it has learned what each prompt of the loop asks for, with several answers where the loop
draws several. Painter and editor have random weights. So every step of a round has something to do, and means nothing.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BitImageProcessor,
    Dinov2Config,
    Dinov2Model,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from models.families import find_family
from models.families.processors import make_processor
from models.prompt_reader import Prompt
from models.threads import fix_threads
from models.vlm import Vlm
from models.worlds.photographs import PROMPTS
from tests.small_pipelines import build_pipeline
from tests.unit.tasks.test_suites import choice, encoded, text, write_tsv

CAPTIONS = (
    "A tower stands on the left. The sky is grey.",
    "A red flower grows in a garden. The leaves are dark.",
    "A green roof covers a hall. The pillars are red.",
)
CRITIQUES = ("The sky is blue, not grey.", "The tower is tall.", "Nothing to correct.")
OPERATIONS = ("Change the red flower to yellow.\nRemove the tower.", "Make the sky darker.")
EDITS = ("Make the sky darker.", "Remove the tower.", "Change the red flower to yellow.")
STEPS = 150
TEMPLATE = (
    "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>{%- else -%}{{ part['text'] }}"
    "{%- endif -%}{%- endfor -%}{%- endif -%}{{ '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def crops(count: int, seed: int = 0) -> list[Image.Image]:
    """Pieces of both photographs, of several shapes."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        pixels = load_sample_images().images[number % 2]
        height, width = (int(side) for side in rng.integers(90, 160, 2))
        top, left = int(rng.integers(pixels.shape[0] - height)), int(rng.integers(pixels.shape[1] - width))
        found.append(Image.fromarray(pixels[top : top + height, left : left + width]))
    return found


def write_photographs(folder: Path, count: int) -> Path:
    """A pool of JPEG files."""
    folder.mkdir(parents=True)
    for number, crop in enumerate(crops(count)):
        crop.save(folder / f"{number:03}.jpg", quality=92)
    return folder


def write_suite(folder: Path, count: int) -> Path:
    """MMStar, with questions about other pieces."""
    rows = [choice(number, text(encoded(crop))) for number, crop in enumerate(crops(count, seed=1))]
    write_tsv(folder / "MMStar.tsv", rows)
    return folder


def dialogues(written: Sequence[str] = OPERATIONS) -> Iterator[tuple[str, int, str]]:
    """What the VLM learns: a prompt, its number of pictures, an answer.

    Args:
        written: Where operations are asked for.
    """
    for caption in CAPTIONS:
        yield PROMPTS.caption, 1, caption
        yield PROMPTS.refine.format(caption=caption), 1, CRITIQUES[0]
        for critique in CRITIQUES:
            yield PROMPTS.critique.format(caption=caption), 2, critique
        for critique in CRITIQUES[:2]:
            yield PROMPTS.rewrite.format(caption=caption, corrections=critique), 0, f"{caption} {critique}"
        for operations in written:
            yield PROMPTS.operations.format(caption=caption), 1, operations
            yield PROMPTS.operations.format(caption=f"{caption} {CRITIQUES[0]}"), 1, operations
    for edit in EDITS:
        yield PROMPTS.predict, 2, edit


def make_vlm(folder: Path, written: Sequence[str] = OPERATIONS) -> Path:
    """Train the VLM and write its stock folder."""
    fix_threads("cpu")
    vlm = _untrained()
    dialogue, pictures = list(dialogues(written)), crops(6, seed=2)
    torch.manual_seed(0)
    vlm.model.train()
    optimizer = torch.optim.AdamW(vlm.model.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        drawn = [dialogue[number] for number in rng.integers(len(dialogue), size=8)]
        loss = _loss(vlm, drawn, [pictures[number] for number in rng.integers(len(pictures), size=16)])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    vlm.model.eval()
    vlm.save(folder)
    return folder


def _loss(vlm: Vlm, drawn: Sequence[tuple[str, int, str]], pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Of the answers' tokens alone."""
    asked = vlm.inputs([Prompt(prompt, tuple(pictures[:images])) for prompt, images, _ in drawn])
    answers = vlm.processor.tokenizer(
        [f"{answer}<|im_end|>" for *_, answer in drawn], padding=True, padding_side="right", return_tensors="pt"
    )
    length = asked["input_ids"].shape[1]
    ids = torch.cat([asked["input_ids"], answers["input_ids"]], 1)
    mask = torch.cat([asked["attention_mask"], answers["attention_mask"]], 1)
    kinds = (ids == vlm.model.config.image_token_id).int()
    shown = {name: asked[name] for name in ("pixel_values", "image_grid_thw") if name in asked}
    logits = vlm.model(input_ids=ids, attention_mask=mask, mm_token_type_ids=kinds, **shown).logits
    labels = answers["input_ids"].masked_fill(answers["attention_mask"] == 0, -100)
    return torch.nn.functional.cross_entropy(logits[:, length - 1 : -1].flatten(0, 1), labels.flatten())


def _fixed_parts() -> list[str]:
    """The texts of the prompts between their blanks."""
    prompts = [getattr(PROMPTS, name) for name in ("caption", "critique", "rewrite", "refine", "operations", "predict")]
    parts = [part.strip() for prompt in prompts for part in re.split(r"\{caption\}|\{corrections\}", prompt)]
    return [part for part in dict.fromkeys(parts) if part]


def _untrained() -> Vlm:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    specials = ["<pad>", "<|im_end|>", "<|im_start|>", *VISION]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        [part for prompt, _, answer in dialogues() for part in (prompt, answer)],
        trainers.BpeTrainer(vocab_size=2000, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", *VISION],
        padding_side="left",
    )
    # What a prompt always says is one token: a short prompt is quickly learned.
    tokenizer.add_tokens([AddedToken(part, normalized=False) for part in _fixed_parts()])
    tokenizer.chat_template = TEMPLATE
    fields = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 96,
            "intermediate_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 1024,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 4, 4]},
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 96,
            "patch_size": 8,
            "fullatt_block_indexes": [1],
        },
        **dict(zip(fields, tokenizer.convert_tokens_to_ids(VISION), strict=True)),
    )
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    images = Qwen2VLImageProcessorPil(patch_size=8, size={"shortest_edge": 32 * 32, "longest_edge": 48 * 48})
    parts = find_family("qwen2_5_vl").parts()
    return Vlm(model, make_processor(parts, tokenizer, images, chat_template=TEMPLATE))


def make_features(folder: Path) -> Path:
    """DINOv2 of random weights, with its image processor."""
    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7)
    Dinov2Model(config).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    return folder


def write_profile(folder: Path, written: Sequence[str] = OPERATIONS) -> Path:
    """Everything that a round needs, made once below a folder, and its profile.

    Args:
        folder: Is filled.
        written: What the VLM writes where operations are asked for.
    """
    vlm, features = make_vlm(folder / "vlm", written), make_features(folder / "features")
    painter = build_pipeline("StableDiffusionPipeline", folder / "painter")
    editor = build_pipeline("StableDiffusionInstructPix2PixPipeline", folder / "editor")
    pool, suites = write_photographs(folder / "pool", 16), write_suite(folder / "suites", 12)
    profile = folder / "photographs.toml"
    folders = {"vlm": vlm, "features": features, "painter": painter, "editor": editor, "pool": pool, "suites": suites}
    profile.write_text(Path(__file__).with_suffix(".toml").read_text().format(**folders))
    return profile
