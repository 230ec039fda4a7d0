"""The measurements for GPUs run at tiny sizes wherever the tests run, so that they cannot rot."""

import pytest

from tests.gpu.measure import main

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*is deprecated:FutureWarning")


def test_every_measurement_runs_on_the_cpu() -> None:
    found = {one["what"]: one for one in main([])}
    assert len(found["training lora"]["step_seconds"]) == 2
    assert found["an adapter served twice"]["logits_apart"] == 0 < found["an adapter served twice"]["logits_moved"]
    assert found["answering"]["image_tokens"] == 2 * 4
