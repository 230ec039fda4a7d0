"""Commands as a user types them: mistakes end in one line before any work, and an ablation compares its variants."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.objects import ObjectStore
from tasks.ablation import read_ablation
from tests.small import SMALL, as_arguments

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def _viper(home: Path, *arguments: str, folder: Path | None = None, **variables: str) -> "subprocess.Popen[str]":
    paths = {"VIPER_HOME": str(home), "PREFECT_HOME": str(home / "prefect"), "PYTHONPATH": str(ROOT)}
    # Without the tests' own variables of Prefect, as users have none: only what is set here is to be looked at.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**clean, **paths, **variables}
    command = [sys.executable, "-c", "from commands.cli import main; main()", *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@pytest.mark.slow
def test_an_ablation_compares_its_variants_on_the_same_questions(tmp_path: Path) -> None:
    variants = ("--variants", "two-stage,sft,true-labels", "--seeds", "17")
    changed = [
        "ablation.sft.steps=2",
        "ablation.sft.warmup_steps=1",
        "benchmarks.suites=['fine_perception']",
        "filter.enabled=false",
    ]
    process = _viper(tmp_path, "ablate", *variants, *as_arguments([*SMALL, *changed]))
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    page = (tmp_path / "reports" / "shapes" / "ablation.md").read_text()
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table] == ["variant", "---", "two-stage", "sft", "true-labels"]
    store = ObjectStore(str(tmp_path / "store"))
    assert len(list(store.list("results/model"))) == 6  # two stages, three times; nothing in common


@pytest.mark.slow
def test_an_ablation_at_bad_critiques_measures_them_and_draws_what_was_gained(tmp_path: Path) -> None:
    asked = ("--variants", "two-stage,filter-off", "--seeds", "17", "--critiques", "usual,planted-40")
    process = _viper(tmp_path, "ablate", *asked, *as_arguments([*SMALL, "benchmarks.suites=['fine_perception']"]))
    output, _ = process.communicate(timeout=1100)
    assert process.returncode == 0, output
    store = ObjectStore(str(tmp_path / "store"))
    (key,) = store.list("results/ablation")
    ref = store.find(key)
    assert ref is not None
    rows = {row.name: row for row in read_ablation(store, ref).rows}
    assert list(rows) == ["two-stage", "filter-off", "two-stage-planted-40", "filter-off-planted-40"]
    usual, bad = rows["two-stage"].drawn_right, rows["two-stage-planted-40"].drawn_right
    assert usual is not None
    assert bad is not None
    assert bad < usual
    # Both variants saw the same critiques; without a filter all that is taken of an image is accepted.
    assert rows["filter-off-planted-40"].drawn_right == bad
    assert rows["filter-off-planted-40"].measured[0].critiques.rejected.of == 0
    assert len(list(store.list("results/planted"))) == 2  # one a shard, found by the second variant
    picture = (tmp_path / "reports" / "shapes" / "ablation.svg").read_text()
    assert "planted-40" in picture
    assert "filter-off" in picture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evolve", "--profile", "shpes"], "Did you mean 'shapes'"),
        (["evolve", "--rounds", "0"], "expected at least 1"),
        (["evolve", "--set", "pool.uri=./no-such-folder"], "There is no folder ./no-such-folder for the pool"),
        (["evolve", "--set", "models.painter.path=./nothing"], "There is no folder ./nothing"),
        (["evolve", "--set", "benchmarks.suites=['mmstar']"], "Unknown suite 'mmstar'"),
        (["evolve", "--profile", "x" * 300 + ".toml"], "There is no file"),
        (["evolve", "--set", "evolution=a-"], "'a-' is no name"),
        (["evolve", "--set", "training.launcher=['nosuchprogram']"], "'nosuchprogram', which is no command here"),
        (["evolve", "--set", "models.painter.device=cuda:7"], "models.painter.device is 'cuda:7'"),
        (["resume", "nothing"], "There is no evolution 'nothing'"),
        (["throughput", "--steps", "0"], "--steps is 0; expected at least 1"),
        (["ablate", "--seeds", "17,17"], "The seed 17 is named twice"),
        (
            ["ablate", "--critiques", "planted20"],
            "no kind of critiques 'planted20'. Did you mean 'planted-20'?",
        ),
        (["judge", "measure"], "Which evolution? In this store: none yet"),
        (["judge", "measure", "--evolution", "nope"], "There is no evolution 'nope'"),
        (["store", "verify", "nope"], "Nothing lies under 'nope'"),
        (["data", "list", "nope"], "There is no evolution 'nope'"),
    ],
)
def test_a_mistake_ends_in_one_line_and_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    process = _viper(tmp_path, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert message in output
    assert len(output.splitlines()) == 1, output


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MLFLOW_TRACKING_URI", "http://bob:correct-horse/7@127.0.0.1:1"),
        ("MLFLOW_TRACKING_URI", "{folder}"),
        ("PREFECT_API_URL", "http://bob:correct-horse@127.0.0.1:1/api"),
        ("VIPER_HOME", "{folder}/file"),
        ("VIPER_STORE", "{folder}/file"),
        ("PREFECT_API_KEY", "correct-horse\n"),
        ("PREFECT_LOGGING_LEVEL", "NOPE"),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", "correct-horse"),
        ("PREFECT_HOME", "{folder}/" + "x" * 300),
    ],
)
def test_an_environment_that_cannot_work_ends_in_one_line_and_code_2(tmp_path: Path, variable: str, value: str) -> None:
    (tmp_path / "file").touch()
    process = _viper(tmp_path / "home", "evolve", **{variable: value.format(folder=tmp_path)})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert variable in output
    assert "correct-horse" not in output
    assert len(output.splitlines()) == 1, output


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("prefect.toml", "[server.api]\nport = 'NOPE'"),
        (".env", "PREFECT_SERVER_API_PORT=NOPE"),
        ("pyproject.toml", "[tool.prefect.server.api]\nport = 'NOPE'"),
        ("home/prefect/profiles.toml", "active = 'own'\n[profiles.own]\nPREFECT_SERVER_API_PORT = 'NOPE'"),
    ],
)
def test_a_file_that_prefect_refuses_ends_in_one_line_and_code_2(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / "home" / "prefect").mkdir(parents=True)
    (tmp_path / file).write_text(content)
    process = _viper(tmp_path / "home", "evolve", folder=tmp_path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert "Prefect refuses its settings (" in output
    assert len(output.splitlines()) == 1, output


@pytest.mark.parametrize("command", ["resume", "throughput"])
def test_an_s3_server_that_is_away_ends_a_command_before_it_reads_the_store(tmp_path: Path, command: str) -> None:
    dead = {"VIPER_STORE": "s3://bucket/p", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    process = _viper(tmp_path, command, **dead)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2, output
    assert "AWS_ENDPOINT_URL is 'http://127.0.0.1:1', and no server answers there" in output
    assert len(output.splitlines()) == 1, output


def test_a_run_that_is_killed_as_soon_as_it_says_what_it_does_can_be_resumed(tmp_path: Path) -> None:
    process = _viper(tmp_path, "evolve", "--set", "evolution=early")
    assert process.stdout is not None
    while "Evolution 'early'" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    output, _ = _viper(tmp_path, "status", "early").communicate(timeout=120)
    assert "1 round(s) asked for" in output
    assert "skips 0 finished steps, begins with" in output


def test_an_unusable_pool_is_refused_before_any_work(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    for number in range(4):
        (pool / f"{number}.png").write_bytes(b"\x89PNG broken")
    process = _viper(tmp_path, "evolve", "--set", f"pool.uri={pool}")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert "4 of 4 images" in output
