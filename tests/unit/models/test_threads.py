"""Threads of models on the CPU."""

from collections.abc import Callable

import pytest
import torch

from models.pipelines.loading import load_pipeline
from models.vlm import load_vlm
from viper.profiles import load_profile

MODELS = load_profile("shapes").models


@pytest.mark.parametrize(
    "load", [lambda: load_vlm(MODELS.vlm), lambda: load_pipeline(MODELS.painter, "painter")], ids=["VLM", "pipeline"]
)
def test_models_on_the_cpu_compute_in_one_thread_whatever_the_machine_has(
    load: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        load()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
