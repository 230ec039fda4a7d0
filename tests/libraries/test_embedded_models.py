"""The shipped models, loaded by the code that loads the big ones, do what their cards say."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.locations import resolve
from models.pipelines.editor import DiffusersEditor
from models.pipelines.loading import load_pipeline
from models.pipelines.painter import DiffusersPainter
from models.prompt_reader import Prompt
from models.vlm import Vlm, load_vlm
from models.worlds.shapes import fidelity, paraphrase
from models.worlds.shapes.collation import collate
from models.worlds.shapes.examples import EVERYTHING, draw_example
from models.worlds.shapes.prompts import PROMPTS
from models.worlds.shapes.scene import render, sample_scene
from models.worlds.shapes.world import WEIGHTS
from viper.errors import ModelError
from viper.profiles import load_profile

MODELS = load_profile("shapes").models


@pytest.fixture(scope="module")
def vlm() -> Vlm:
    return load_vlm(MODELS.vlm)


def test_the_painter_paints_what_the_caption_says() -> None:
    assert fidelity.measure_painter(MODELS.painter, 32)["scenes exact"] >= 0.9


def test_the_editor_does_what_it_is_told_and_nothing_else() -> None:
    figures = fidelity.measure_editor(MODELS.editor, 48)
    assert figures["edits exact"] >= 0.9
    assert figures["untouched objects kept"] >= 0.98


def test_the_similarity_accepts_paraphrases_and_refuses_one_attribute_changes() -> None:
    for figures in paraphrase.measure(Path(resolve(MODELS.similarity.path)), 1, 200).values():
        assert figures["paraphrases accepted"] >= 0.98
        assert figures["one-attribute changes accepted"] <= 0.01


def test_the_base_sees_positions_and_sizes_and_says_coarse_words(vlm: Vlm) -> None:
    figures = fidelity._caption_accuracy(vlm, 96)
    assert figures["position"] >= 0.9
    assert figures["size"] >= 0.9
    assert figures["fine color"] <= 0.4
    assert figures["fine shape"] <= 0.4


def test_training_and_public_loader_see_the_same_tokens_and_pixels(vlm: Vlm) -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        example = draw_example(rng, EVERYTHING, 0.5)
        prompt = Prompt(example.prompt, tuple(Image.fromarray(image) for image in example.images))
        loaded, trained = vlm.inputs([prompt]), collate(vlm.processor.tokenizer, [example])
        length = loaded["input_ids"].shape[1]
        assert (loaded["input_ids"][0] == trained["input_ids"][0, :length]).all()
        assert np.allclose(loaded["pixel_values"], trained["pixel_values"], atol=1e-5)


def test_a_sampled_reply_depends_on_its_seed_and_not_on_its_batch(vlm: Vlm) -> None:
    rng = np.random.default_rng(1)
    asked = [Prompt(PROMPTS.caption, (Image.fromarray(render(sample_scene(rng), rng)),)) for _ in range(6)]
    one = vlm.generate(asked, max_new_tokens=48, batch=6, temperature=1.0, seeds=range(6))
    assert one == vlm.generate(asked, max_new_tokens=48, batch=2, temperature=1.0, seeds=range(6))
    assert one != vlm.generate(asked, max_new_tokens=48, batch=6, temperature=1.0, seeds=range(6, 12))
    with pytest.raises(ValueError, match="needs as many seeds"):
        vlm.generate(asked, max_new_tokens=8, batch=2, temperature=1.0)


def test_greedy_replies_are_the_same_alone_and_in_a_batch(vlm: Vlm) -> None:
    rng = np.random.default_rng(2)
    pictures = [Image.fromarray(render(sample_scene(rng), rng)) for _ in range(12)]
    texts = [PROMPTS.caption, "what colour is the object at the top left?", "what is there?"]
    asked = [Prompt(texts[number % 3], (picture,)) for number, picture in enumerate(pictures)]
    together = vlm.generate(asked, max_new_tokens=48, batch=12)
    assert together == [vlm.generate([one], max_new_tokens=48, batch=1)[0] for one in asked]
    assert len(set(together)) > 4


def test_painting_and_editing_repeat_bit_by_bit() -> None:
    captions = ["a small teal ring is at the top left.", "the middle center holds a large red cross."]
    first, again = (DiffusersPainter(MODELS.painter).paint(captions, [1, 2]) for _ in range(2))
    assert [np.asarray(p).tobytes() for p in first] == [np.asarray(p).tobytes() for p in again]
    edits = DiffusersEditor(MODELS.editor).edit(first, ["make the object at the top left red."] * 2, [0, 0])
    assert [picture.size for picture in edits] == [(48, 48)] * 2


def test_missing_and_wrong_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no folder"):
        resolve(str(tmp_path / "nothing"))
    with pytest.raises(ModelError, match="no embedded model 'vln'"):
        resolve("shapes:vln")
    with pytest.raises(ModelError, match="'bert', which is no known family of vision-language models"):
        load_vlm(MODELS.vlm.model_copy(update={"path": str(WEIGHTS / "similarity")}))
    with pytest.raises(ModelError, match="cannot be loaded as a diffusers pipeline"):
        load_pipeline(MODELS.painter.model_copy(update={"path": str(WEIGHTS / "vlm")}), "painter")


def test_weights_are_safetensors_only_and_every_model_has_a_card() -> None:
    for name in ("vlm", "painter", "editor", "similarity"):
        assert (WEIGHTS / name / "README.md").is_file(), f"{name} has no model card"
    kinds = {path.suffix for path in WEIGHTS.rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".md", ".jinja", ".txt"}
    index = json.loads((WEIGHTS / "editor" / "model_index.json").read_text())
    assert index["_class_name"] == "BridgeEditPipeline"
