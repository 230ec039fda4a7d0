"""How many threads a model on the CPU computes in."""

import os


def fix_threads(device: str) -> None:
    """Let this process compute in as many threads as ``OMP_NUM_THREADS`` says, one by default, if ``device`` is a CPU.

    The number of threads decides the order of sums, hence the last bits, and a round must end in the same bits on a
    machine with other cores. Small models are no faster on more threads, and many times slower where these must share
    their cores with other processes.
    """
    import torch

    if device == "cpu":
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
