"""Thirty small faults, each of which would make the loop wrong without making it stop."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One fault and the tests that should notice it."""

    name: str
    file: str
    before: str
    """Stands exactly once in the file."""
    after: str
    tests: tuple[str, ...]
    """What pytest is given: the quickest that should fail."""


GATE = ("tests/unit/models/test_gate.py",)
GOLDEN = ("tests/golden/test_steps.py",)
GRPO = "tests/libraries/test_grpo.py"
JUDGING = ("tests/unit/models/test_selfcritique.py", "tests/unit/tasks/test_judging.py")
LESSONS = ("tests/unit/models/test_lessons.py",)
VERSIONS = ("tests/unit/tasks/test_versioning.py",)
WALK = ("tests/unit/flows/test_walk.py",)
EDITING = ("tests/unit/tasks/test_editing.py",)
KEYS = ("tests/unit/tasks/test_step.py",)

SYNTHESIS = (
    Mutation(
        "refined captions are painted with other noise",
        "tasks/easel.py",
        "self._painting.noise(image, number) for image, _, number in new",
        "self._painting.noise(image + text, number) for image, text, number in new",
        JUDGING,
    ),
    Mutation(
        "the worst correction comes first",
        "models/selfcritique.py",
        "(-verdicts[sentence].gain, sentence)",
        "(verdicts[sentence].gain, sentence)",
        JUDGING,
    ),
    Mutation(
        "one voice suffices",
        "models/selfcritique.py",
        "if not seconded and gain.explained",
        "if seconded and gain.explained",
        JUDGING,
    ),
    Mutation(
        "an edit may spill but not work",
        "models/selfcritique.py",
        "elsewhere = ~np.any(",
        "elsewhere = np.any(",
        JUDGING,
    ),
    Mutation(
        "rows and columns of an edit's regions are swapped",
        "models/places.py",
        "for row in range(GRID) for column in range(GRID)]",
        "for column in range(GRID) for row in range(GRID)]",
        ("tests/unit/models/test_selfcritique.py", "tests/unit/models/test_places.py"),
    ),
    Mutation(
        "rejected critiques rewrite captions",
        "tasks/filtering.py",
        "refined=proof.refined if proof.sentences else said.caption,",
        'refined=proof.refined if proof.sentences else "",',
        JUDGING,
    ),
    Mutation("rejected critiques are taught", "models/lessons/csr.py", "if row.kept", "if row.caption", LESSONS),
    Mutation(
        "before and after are swapped",
        "models/lessons/vop.py",
        '(PictureOf(POOL, edit.image), PictureOf("edits", name))',
        '(PictureOf("edits", name), PictureOf(POOL, edit.image))',
        LESSONS,
    ),
    Mutation(
        "rows stand as the shards came",
        "tasks/versioning.py",
        "in sorted(found.items())",
        "in found.items()",
        VERSIONS,
    ),
    Mutation("silent rows crowd out the others", "models/lessons/lesson.py", "max(least - ", "min(least - ", LESSONS),
    Mutation(
        "operations are applied backwards",
        "tasks/editing.py",
        "[plans[name].sentences[turn] for",
        "[plans[name].sentences[-1 - turn] for",
        EDITING,
    ),
    Mutation(
        "every operation is drawn with the same noise",
        "tasks/editing.py",
        'inputs.seed.of(f"{name}/{turn}")',
        "inputs.seed.of(name)",
        EDITING,
    ),
    Mutation(
        "benchmark pictures are in the pool",
        "flows/synthesis.py",
        "pool.read_listing(store, listing), hashes)",
        "pool.read_listing(store, listing), [])",
        WALK,
    ),
    Mutation(
        "every round takes the same files",
        "tasks/pools/files.py",
        "(choice.round_number - 1) * count",
        "0 * count",
        KEYS,
    ),
)

TRAINING = (
    Mutation(
        "precision and coverage are swapped",
        "models/rewards.py",
        "(1 - settings.coverage_weight) * precision + settings.coverage_weight * coverage",
        "(1 - settings.coverage_weight) * coverage + settings.coverage_weight * precision",
        ("tests/unit/models/test_rewards.py",),
    ),
    Mutation(
        "the temperature of the rollouts is not the profile's",
        "models/grpo.py",
        "temperature=stage.temperature",
        "temperature=1.0",
        (f"{GRPO}::test_the_objective_is_the_papers", f"{GRPO}::test_a_stages_settings_are_the_trainers"),
    ),
    Mutation(
        "the rate hardly falls",
        "models/trainable.py",
        "1 - (1 - FINAL_RATE_SHARE) * min(",
        "1 - FINAL_RATE_SHARE * min(",
        ("tests/libraries/test_trainable.py",),
    ),
    Mutation(
        "supervised stages teach the first sentence alone",
        "models/sft.py",
        "join_sentences(truth)",
        "truth[0]",
        ("tests/libraries/test_sft.py",),
    ),
    Mutation(
        "every stage starts from the champion",
        "flows/round.py",
        "stage, candidate, made.datasets",
        "stage, champion, made.datasets",
        WALK,
    ),
    Mutation(
        "the base makes the data of every round",
        "flows/cut.py",
        "return self.base if self.settings.frozen_synthesizer else champion",
        "return self.base",
        WALK,
    ),
)

VERDICT = (
    Mutation(
        "any loss within the margin counts",
        "models/gate.py",
        "found.points < -gate.margin_points",
        "found.points < gate.margin_points",
        GATE,
    ),
    Mutation("a gain need not be certain", "models/gate.py", "<= 0 or not is_certain(gain, gate):", "<= 0:", GATE),
    Mutation(
        "the base's captions are judged by the candidate's",
        "models/collapse.py",
        "measure(candidate), measure(base)",
        "measure(base), measure(candidate)",
        ("tests/unit/models/test_collapse.py",),
    ),
    Mutation(
        "scores are paired by rank",
        "models/gaps.py",
        "np.asarray(candidate, dtype=np.float64) - np.asarray(other, dtype=np.float64)",
        "np.sort(candidate) - np.sort(other)",
        ("tests/unit/models/test_paired_tests.py",),
    ),
    Mutation(
        "the option before the right one is right",
        "models/suites/suite.py",
        "LETTERS[options.index(cell)]",
        "LETTERS[options.index(cell) - 1]",
        ("tests/unit/models/test_suites.py",),
    ),
    Mutation(
        "the champion answers for the candidate",
        "flows/round.py",
        '"candidate": candidate}',
        '"candidate": champion}',
        WALK,
    ),
    Mutation(
        "a candidate follows a champion that it never met",
        "tasks/promotion.py",
        "if present.fingerprint != champion.fingerprint:",
        "if not present.fingerprint:",
        ("tests/unit/tasks/test_promotion.py",),
    ),
)

REUSE = (
    Mutation(
        "a key knows the first of several inputs",
        "tasks/step.py",
        "for item in value]",
        "for item in value[:1]]",
        KEYS,
    ),
    Mutation(
        "a key counts where things lie",
        "tasks/step.py",
        "_identity(value.identity())",
        "_identity(value.model_dump())",
        KEYS,
    ),
    Mutation(
        "a dataset's lineage is part of its content",
        "storage/manifest.py",
        "if name not in (PROVENANCE, LINEAGE)}",
        "if name not in (PROVENANCE,)}",
        KEYS,
    ),
)

MUTATIONS = (*SYNTHESIS, *TRAINING, *VERDICT, *REUSE)
