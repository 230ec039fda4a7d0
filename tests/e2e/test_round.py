"""One whole small round by the command line: killed and damaged, resumed, and ended in the same hashes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.objects import ObjectStore
from tests.kill.harness import World
from tests.kill.plan import Kill
from tests.kill.repeats import count_repeats
from tests.servers import Server, prefect_server
from tests.small import CHECKPOINT_STEPS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def _flip(root: str, prefix: str, ending: str) -> dict[Path, bytes]:
    """Flip a byte of an entry of each artifact under a prefix; the files with what was in them before."""
    store, before = ObjectStore(root), {}
    for key in store.list(prefix):
        ref = store.find(key)
        assert ref is not None
        blob = next(blob for name, blob in store.manifest(ref).entries.items() if name.endswith(ending))
        path = Path(root) / "objects" / "sha256" / blob.stored[0][:2] / blob.stored[0]
        before[path] = path.read_bytes()
        data = bytearray(before[path])
        data[blob.offset + blob.size_bytes // 2] ^= 1
        path.write_bytes(data)
    return before


def _check_checkpoint(world: World, home: Path) -> None:
    """A checkpoint of stage 2 comes from stage 1, which comes from the base; and it can be benchmarked alone."""
    (checkpoint, _) = ObjectStore(world.store_root(home)).list("evolutions/shapes/rounds/0001/checkpoints/vop")
    status, said, _ = world.run(home, ["data", "lineage", checkpoint])
    assert status == 0, said
    first, _, rest = said.partition("\nstage csr of round 1  ")
    second, _, third = rest.partition("\nbase  ")
    assert first.startswith("checkpoint 00000002 of vop, round 1")
    assert "whole in evolutions/shapes/requests/000000" in first
    assert "code      0.1.0+tests" in first
    assert "/datasets/vop/" in first
    assert '"learning_rate": 0.0025' in first
    assert "/datasets/csr/" in second
    assert "/datasets/vop/" not in second
    assert len(third.strip()) == 64

    status, said, _ = world.run(
        home, ["benchmark", "--model", checkpoint, "--suites", "fine_perception", "--limit", "6"]
    )
    assert status == 0, said
    assert "vop after 2 answers fine_perception 0" in said
    status, said, _ = world.run(home, ["benchmark", "--model", "results/captions/nothing"])
    assert status == 2, said
    assert "Expected the key of a champion, model or checkpoint" in said


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[Server]:
    """A server that runs find: one of their own takes each of them seconds to start."""
    server = prefect_server(tmp_path)
    server.start()
    yield server
    server.kill()


def test_a_round_that_is_killed_and_damaged_ends_in_the_hashes_of_one_that_is_not(
    tmp_path: Path, prefect: Server
) -> None:
    alone, world = World(tmp_path, {}), World(tmp_path, {"prefect": prefect})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    status, output, _ = alone.evolve(whole)
    assert status == 0, output
    assert "Round 1:" in output
    assert (whole / "reports" / "shapes" / "round-0001.html").stat().st_size > 10_000

    runs = []

    def killed(found: tuple[int, str, list[dict[str, Any]]]) -> str:
        status, output, events = found
        assert status != 0, output
        assert [event for event in events if event["event"] == "kill"], output
        runs.append(events)
        return output

    killed(world.evolve(broken, [Kill("flow", "inside critiques", 1, 0.3, 0)]))
    status, said, _ = world.run(broken, ["status"])
    assert status == 0, said
    assert "nothing gives a sign of life" in said
    assert "captions       2/2" in said
    assert "critiques      0/2" in said
    assert "Resume     skips 12 finished steps, begins with critiques: 2 of 2 to do" in said

    output = killed(world.run(broken, ["resume"], [Kill("training", "step 4 of csr", 1, 0, 1)]))
    assert output.count("done before, reused") >= 5
    assert "Continue with: viper resume shapes" in output
    assert "Traceback" not in output
    status, said, _ = world.run(broken, ["status"])
    assert "training csr   0/1  newest checkpoint after step 2 of 4" in said

    status, output, _ = world.run(broken, ["resume"], VIPER_COMMIT="other")
    assert status == 1, output
    assert "code_version is '0.1.0+tests' in the checkpoint and '0.1.0+other' now" in output
    assert "--allow-code-change" in output
    assert "Traceback" not in output

    root, versions = world.store_root(broken), "evolutions/shapes/rounds/0001/datasets/vop"
    before = _flip(root, versions, ".parquet")
    status, output, events = world.run(broken, ["resume"])
    runs.append(events)  # stage 1 is trained to its end before stage 2 meets the damage
    assert status == 1, output
    assert "it is history that nothing can compute again" in output
    assert "Traceback" not in output
    for path, data in before.items():
        path.write_bytes(data)

    assert len(_flip(root, "results/refinements", "refinements.json")) == 2
    status, output, events = world.run(broken, ["resume"], [Kill("flow", "before replies", 1, 0, 2)])
    assert "It is forgotten, and the round starts again." in killed((status, output, _others(events)))
    mended = _begun(events)
    status, output, events = world.run(broken, ["resume"])
    assert status == 0, output
    runs.append(_others(events))
    # Each damaged shard is rightly done again, once, when somebody reads it: the other one is read for the report.
    assert (mended, _begun(events)) == (1, 1)
    assert world.hashes(broken) == world.hashes(whole)
    repeats = count_repeats(runs)
    assert repeats.violations == []
    assert repeats.optimizer_steps == CHECKPOINT_STEPS

    status, output, _ = world.evolve(whole)
    assert status == 0, output
    assert "Round 1 is finished: skipped." in output
    status, said, _ = world.run(whole, ["status"])
    assert "Resume     skips all rounds" in said
    _check_checkpoint(world, whole)


def _begun(events: list[dict[str, Any]]) -> int:
    """How many shards of refinements were done."""
    return sum(event["event"] == "begin" and event["step"] == "refinements" for event in events)


def _others(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of all steps but refinements."""
    return [event for event in events if event.get("step") != "refinements"]
