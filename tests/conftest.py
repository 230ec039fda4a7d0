"""The environment of every test: nothing is read from, or left in, the developer's own folders and servers.

Set when pytest loads this file, because Prefect, MLflow and the Hugging Face libraries read it when they are imported.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

# A shared machine may be slow; what matters is what a test finds.
hypothesis.settings.register_profile("viper", deadline=None, max_examples=50)
hypothesis.settings.load_profile("viper")

ORDER = ("e2e", "golden", "integration", "libraries", "structure", "unit", "tests")
"""Folders of tests, slowest first; the last one holds all."""
SESSION_FOLDER = Path(tempfile.mkdtemp(prefix="viper-tests-"))

gc.set_threshold(100_000, 20, 100)  # the libraries' lasting objects would be walked thousands of times, in vain

for name in list(os.environ):
    if name.startswith(("PREFECT_", "MLFLOW_", "VIPER_", "AWS_")):
        del os.environ[name]

os.environ.update(
    {
        "VIPER_HOME": str(SESSION_FOLDER / "viper"),
        "PREFECT_HOME": str(SESSION_FOLDER / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "HF_HOME": str(SESSION_FOLDER / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # One thread gives the same bits on every machine, and tiny models are no faster on two.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take minutes first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: next(rank for rank, folder in enumerate(ORDER) if folder in item.path.parts))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(SESSION_FOLDER, ignore_errors=True)
