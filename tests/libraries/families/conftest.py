"""A small model of each family, saved once a session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from models.vlm import Vlm, load_vlm
from tests.small_vlms import save_small, settings_of


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The stock folder of a model type."""
    torch.set_num_threads(1)

    @cache
    def saved(kind: str) -> Path:
        return save_small(kind, tmp_path_factory.mktemp("small") / kind)

    return saved


@pytest.fixture(scope="session")
def vlm_of(folder_of: Callable[[str], Path]) -> Callable[[str], Vlm]:
    """The loaded model of a model type; tests leave it as it is."""
    return cache(lambda kind: load_vlm(settings_of(folder_of(kind))))
