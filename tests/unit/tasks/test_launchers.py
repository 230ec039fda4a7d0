"""How many processes a launcher is told to start, and what really starts."""

import pytest

from tasks.launchers import check_processes, find_launcher, processes_asked_of
from viper.errors import ProfileError


@pytest.mark.parametrize(
    ("launcher", "processes"),
    [
        ("", 1),
        ("torchrun --nproc_per_node 2", 2),
        ("torchrun --nproc-per-node=4 --nnodes=2", 8),
        ("torchrun --nnodes 1:4 --nproc_per_node 2", 2),
        ("torchrun --nproc_per_node gpu", 0),
        ("torchrun", 0),
        ("accelerate launch --num_processes 2 --cpu", 2),
        ("accelerate launch --multi_gpu --num_machines 2 --num-processes=16", 16),
        ("accelerate launch --config_file fsdp.yaml", 0),
        ("accelerate launch --num_processes", 0),
    ],
)
def test_the_processes_of_a_launcher_are_counted(launcher: str, processes: int) -> None:
    assert processes_asked_of(launcher.split()) == processes


def test_another_number_than_was_asked_for_is_refused() -> None:
    check_processes(("torchrun", "--nproc_per_node", "2"), 2)
    check_processes(("accelerate", "launch"), 3)
    check_processes((), 1)
    with pytest.raises(ProfileError, match=r"asks for 2 processes, but 1 started.*torchrun --nproc_per_node 2"):
        check_processes(("accelerate", "launch", "--num_processes", "2", "--cpu"), 1)


def test_a_launcher_that_is_no_command_is_refused() -> None:
    assert find_launcher("torchrun").endswith("torchrun")
    with pytest.raises(ProfileError, match="'no-such-launcher', which is no command here"):
        find_launcher("no-such-launcher")
