"""Qwen's editors enlarge every source to a megapixel, which takes tiny models seconds: here to 64² pixels."""

from typing import Any

import pytest
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus


@pytest.fixture(autouse=True)
def _small_sources(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("slow"):
        return
    for module in (pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus):
        scaled = module.calculate_dimensions

        def small(area: int, ratio: float, scaled: Any = scaled) -> Any:
            return scaled(area // 256, ratio)

        monkeypatch.setattr(module, "calculate_dimensions", small)
