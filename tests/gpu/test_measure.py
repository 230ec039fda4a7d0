"""Training and answering with the layers of a 7B model, fewer of them; at tiny sizes where there is no GPU."""

from typing import Any

import pytest

from tests.gpu.device import DEVICE, ON_GPU
from tests.gpu.measure import main

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning"),
]
SIZES = "--size 7b --layers 4 --side 896 --tokens 128 --prompts 16 --steps 3 --batch 16" if ON_GPU else ""
PICTURE_TOKENS = (896 // 28) ** 2 if ON_GPU else 4


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    measured = main(["--device", DEVICE, *SIZES.split()])
    return {f"{one['what']}{' shared' if one.get('shared_prefix') else ''}": one for one in measured}


def test_every_measurement_runs(found: dict[str, dict[str, Any]]) -> None:
    assert len(found["training lora"]["step_seconds"]) == (3 if ON_GPU else 2)
    assert found["an adapter served twice"]["logits_apart"] == 0 < found["an adapter served twice"]["logits_moved"]
    assert found["answering"]["image_tokens"] == (16 if ON_GPU else 2) * PICTURE_TOKENS
    assert found["memory given back"]["held_gib"] <= found["memory given back"]["held_before_gib"]


@pytest.mark.skipif(not ON_GPU, reason="tiny models on a CPU say nothing of a GPU's time and memory")
def test_shared_prompts_are_faster_than_trls_way_and_memory_is_as_planned(found: dict[str, dict[str, Any]]) -> None:
    shared, plain = found["training lora shared"], found["training lora"]
    assert shared["tokens_a_second"] > 1.5 * plain["tokens_a_second"]
    for one in (shared, plain):
        assert one["peak_gib"] == pytest.approx(one["planned_gib"], rel=0.25), one["what"]
