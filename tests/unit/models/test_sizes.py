"""Sizes of models by arithmetic, against numbers counted by hand, stated by the hub, or measured on a GPU."""

from pathlib import Path

import pytest

from models.locations import resolve
from models.sizes.cards import CARDS, find_card
from models.sizes.descriptions import Description, describe, file_bytes, published
from models.sizes.language import VlmShape, learning_layers, learning_numbers, lora_numbers, shape_of
from models.sizes.memory import Asked, Parts, answering, training
from models.sizes.painting import painter_shape, pipeline_memory
from models.sizes.pictures import picture_tokens
from models.sizes.seconds import painting_seconds, step_seconds
from models.sizes.weights import components, on_meta
from viper.errors import ModelError, ProfileError
from viper.profiles import load_profile, override
from viper.settings import GrpoStage

GIB = 2**30
SEVEN = load_profile("qwen2.5-vl-7b")
THREE = load_profile("qwen2.5-vl-3b")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("descriptions")


@pytest.fixture(scope="module")
def seven(scratch: Path) -> Path:
    return describe("Qwen/Qwen2.5-VL-7B-Instruct", "main", scratch).folder


@pytest.fixture(scope="module")
def three(scratch: Path) -> Path:
    return describe("Qwen/Qwen2.5-VL-3B-Instruct", "main", scratch).folder


def test_parameters_of_7b_are_those_that_its_layers_have(seven: Path) -> None:
    table = 152_064 * 3_584
    attention = (3_584 * 3_584 + 3_584) + 2 * (3_584 * 512 + 512) + 3_584 * 3_584
    layer = attention + 3 * 3_584 * 18_944 + 2 * 3_584
    language = 2 * table + 28 * layer + 3_584
    shape = shape_of(seven)
    assert shape.parameters - shape.vision_parameters == language == 7_615_616_512
    assert shape.parameters == 8_292_166_656  # as the hub states


@pytest.mark.parametrize("name", [name for name, entry in published().items() if "parameters" in entry])
def test_published_descriptions_have_the_parameters_that_the_hub_states(name: str, scratch: Path) -> None:
    (found,) = components(describe(name, "main", scratch))
    assert found.parameters == published()[name]["parameters"]


def test_qwen_image_weighs_what_its_files_do(scratch: Path) -> None:
    parts = {one.name: one.file_bytes for one in components(describe("Qwen/Qwen-Image", "main", scratch))}
    assert {name: round(size / GIB, 1) for name, size in parts.items()} == {
        "transformer": 38.1,
        "text_encoder": 15.4,
        "vae": 0.2,
    }


def test_headers_and_descriptions_count_alike() -> None:
    folder = Path(resolve("shapes:vlm"))
    (by_header,) = components(Description(folder, "", here=True))
    assert by_header.parameters == sum(weight.numel() for weight in on_meta(folder).parameters())
    assert by_header.file_bytes == pytest.approx((folder / "model.safetensors").stat().st_size, rel=0.01)
    for role in ("painter", "editor"):
        folder = Path(resolve(f"shapes:{role}"))
        for part in components(Description(folder, "", here=True)):
            file = next((folder / part.name).glob("*.safetensors"))
            assert part.file_bytes == pytest.approx(file.stat().st_size, rel=0.01)


def test_a_model_that_nobody_knows_says_how_to_fetch_its_description(scratch: Path) -> None:
    with pytest.raises(ModelError, match=r"size of someone/other is not known here.*hf download someone/other"):
        describe("someone/other", "main", scratch)
    assert file_bytes("lightx2v/Qwen-Image-Lightning", "Qwen-Image-Lightning-8steps-V1.0.safetensors") == 1_698_951_104


def test_a_pipeline_without_the_description_of_a_component_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"transformer": ["diffusers", "QwenImageTransformer2DModel"]}')
    with pytest.raises(ModelError, match=r"lacks transformer/config\.json, so that its size cannot be counted"):
        components(Description(tmp_path, "", here=True))


def test_a_token_of_7b_keeps_57344_bytes_in_the_cache(seven: Path) -> None:
    shape = shape_of(seven)
    assert shape.kv_numbers * 2 == 2 * 28 * 4 * 128 * 2 == 57_344
    held = answering(shape, 2, batch=16, asked=Asked(text=100, pictures=1_230, reply=670))
    assert held.cache == 16 * 2_000 * 57_344 * 29 // 28  # one layer stands there twice


def test_adapters_of_7b_cost_sixteen_bytes_a_number(seven: Path) -> None:
    q_and_o, k_and_v, mlp = 2 * (3_584 + 3_584), 2 * (3_584 + 512), 3 * (3_584 + 18_944)
    numbers = 28 * 64 * (q_and_o + k_and_v + mlp)
    assert lora_numbers(seven, SEVEN.training) == numbers == 161_480_704
    held = trained(shape_of(seven), numbers, prompts=4, tokens=64)
    assert held.optimizer == numbers * 12
    assert held.weights == 8_292_166_656 * 2 + numbers * 4


def test_full_training_of_7b_costs_sixteen_bytes_a_number_and_a_copy_for_autocast(seven: Path) -> None:
    full = override(SEVEN, ["training.method=full"]).training
    numbers = learning_numbers(seven, full)
    assert numbers == 7_615_616_512  # the tower is frozen
    asked = Asked(text=30, pictures=2_048, reply=64)
    held = training(shape_of(seven), 2, numbers, 28, stage(4, 64), full, asked, 1, recomputes=True)
    assert held.weights == 8_292_166_656 * 4
    assert held.optimizer == numbers * (4 + 8 + 2)


def test_gradients_of_the_embedded_profile_go_through_its_last_layer_alone() -> None:
    shapes, folder = load_profile("shapes"), Path(resolve("shapes:vlm"))
    assert learning_layers(folder, shapes.training) == 1
    assert learning_layers(folder, SEVEN.training) == 6  # whose pattern takes all of them


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [((0, 0), 107 * 143), ((3_136, 1_003_520), 30 * 41), ((3_136, 12_845_056), 15_301)],
)
def test_a_photograph_of_12_megapixels_costs(seven: Path, limits: tuple[int, int], tokens: int) -> None:
    # Sides become multiples of 28: 3,000 x 4,000 to 107 x 143 of them, or within 1,003,520 pixels to 30 x 41.
    assert picture_tokens(seven, *limits, (4_000, 3_000)) == tokens
    assert picture_tokens(seven, 3_136, 1_003_520, (1_120, 896)) == 1_280  # the limit itself


def stage(prompts: int, tokens: int) -> GrpoStage:
    return GrpoStage(
        lessons=("vop",),
        steps=2,
        prompts_per_step=prompts,
        learning_rate=1e-4,
        max_completion_tokens=tokens,
        checkpoint_steps=2,
        micro_batch=5,
    )


def trained(shape: VlmShape, learning: int, prompts: int, tokens: int) -> Parts:
    asked = Asked(text=30, pictures=2 * 1_024, reply=tokens)
    return training(shape, 2, learning, shape.layers, stage(prompts, tokens), SEVEN.training, asked, 1, recomputes=True)


@pytest.mark.parametrize(
    ("size", "prompts", "tokens", "peak_gib", "seconds"),
    [("three", 32, 256, 28.5, (84, 101)), ("seven", 4, 64, 20.9, (12.8, 12.8))],
)
def test_the_arithmetic_agrees_with_what_was_measured_on_an_h200(
    size: str, prompts: int, tokens: int, peak_gib: float, seconds: tuple[float, float], request: pytest.FixtureRequest
) -> None:
    # python -m tests.gpu.measure --size 3b --device cuda --side 896 --tokens 256 --prompts 32 --micro-batch 5; and 7b
    folder = request.getfixturevalue(size)
    shape = shape_of(folder)
    held = trained(shape, lora_numbers(folder, SEVEN.training), prompts, tokens)
    assert held.total / GIB == pytest.approx(peak_gib, rel=0.15)
    asked = Asked(text=30, pictures=2 * 1_024, reply=tokens)
    found = step_seconds(shape, CARDS["H200"], 2, stage(prompts, tokens), SEVEN.training, asked, 1)
    assert seconds[0] * 0.75 < found < seconds[1] * 1.25


def test_a_shared_prompt_saves_time_and_costs_memory(three: Path) -> None:
    shape, asked = shape_of(three), Asked(text=30, pictures=2_048, reply=256)
    apart = override(THREE, ["training.shared_prefix=false"]).training
    together = THREE.training
    times = [step_seconds(shape, CARDS["H100"], 2, stage(32, 256), how, asked, 1) for how in (together, apart)]
    assert times[0] < times[1] / 2
    held = training(shape, 2, 10**8, 36, stage(32, 256), together, asked, 1, True)
    assert held.cache == 160 * (2_078 + 256) * 36_864 * 37 // 36  # all rollouts at once
    two = training(shape, 2, 10**8, 36, stage(32, 256), together, asked, 2, True)
    assert two.cache == held.cache // 2


def test_a_painter_at_1024_pixels(scratch: Path) -> None:
    described = describe("Qwen/Qwen-Image", "main", scratch)
    parts = components(described)
    shape = painter_shape(described, parts)
    assert (shape.pixels_a_token, shape.width, shape.layers) == (16, 24 * 128, 60)
    plain = {"lora": "", "lora_file": "", "steps": 30, "guidance": 4.0, "side_px": 1024}
    called = SEVEN.models.painter.model_copy(update=plain)
    whole = pipeline_memory(called, parts, shape, 4)
    assert whole.weights == 2 * (20_430_401_088 + 8_292_166_656 + 126_892_531)
    offloaded = pipeline_memory(called.model_copy(update={"offload": True}), parts, shape, 4)
    assert offloaded.weights == 2 * 20_430_401_088  # the largest component
    quantized = called.model_copy(update={"quantization": "torchao-int8", "quantized_components": ("transformer",)})
    assert pipeline_memory(quantized, parts, shape, 4).weights == whole.weights - 20_430_401_088
    fewer = called.model_copy(update={"steps": 8, "guidance": 1.0})
    slow, quick = (painting_seconds(shape, CARDS["H100"], how) for how in (called, fewer))
    assert slow == pytest.approx(26, rel=0.15)
    assert slow / quick == pytest.approx(30 * 2 / 8)


def test_an_unknown_card_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'H100'"):
        find_card("H10")
