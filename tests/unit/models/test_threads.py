"""Threads of models on the CPU."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LOAD = """
import os, sys
os.environ.pop("OMP_NUM_THREADS", None)
import torch
torch.set_num_threads(4)
from models.diffusion import load_pipeline
from models.vlm import load_vlm
from viper.profiles import load_profile
models = load_profile("shapes").models
load_vlm(models.vlm) if sys.argv[1] == "vlm" else load_pipeline(models.painter)
print("THREADS", torch.get_num_threads())
"""


def threads_after_loading(what: str) -> str:
    command = [sys.executable, "-c", LOAD, what]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return said.split("THREADS ")[1].strip()


def test_models_on_the_cpu_compute_in_one_thread_whatever_the_machine_has() -> None:
    assert threads_after_loading("vlm") == threads_after_loading("painter") == "1"
