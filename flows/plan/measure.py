"""``viper plan --measure``: a small round of the profile, timed step by step, in a store of its own.

A part of a round is done by the very steps that do a round: as many pictures as one batch of prompts, as many questions
of each suite, two rollout batches of each stage. What they took is divided by what a rehearsal of the same part counts,
so that a unit of work means the same in both.
"""

import datetime
import os
from tempfile import TemporaryDirectory

from prefect import Flow

from flows.cut import Cut
from flows.plan.expectations import Expectations, estimated
from flows.plan.looks import look
from flows.plan.memory import phases
from flows.plan.rates import MEASURED, Measurement, Rate, measurement_file
from flows.plan.rehearsal import Rehearsal, rehearse
from flows.plan.setting import set_up
from flows.plan.stopwatch import Stopwatch, TimedWorker
from flows.round import make_candidate
from flows.runner import one_worker
from flows.start import cut_of, open_store
from flows.synthesis import make_data
from models.payloads import Captions, Critiques, Plans
from storage.objects import ObjectStore
from tasks.shards import read_payload
from tasks.versioning import dataset_size
from viper.environment import work_folder
from viper.settings import Settings


def small_round(settings: Settings) -> Settings:
    """The profile with as little work as fills one batch of each kind, and rules that let every stage take place."""
    batch = min(settings.synthesis.batch, settings.synthesis.shard_images, settings.pool.images_per_round)
    limit = min(settings.benchmarks.limit or settings.benchmarks.batch, settings.benchmarks.batch)
    changed = {
        "pool": settings.pool.model_copy(update={"images_per_round": batch}),
        "benchmarks": settings.benchmarks.model_copy(update={"limit": limit}),
        "filter": settings.filter.model_copy(update={"min_samples": 1}),
        "collapse": settings.collapse.model_copy(update={"enabled": False}),
        "evolution": "plan",
    }
    return settings.model_copy(update=changed)


def measure(settings: Settings, card: str) -> Measurement:
    """Do the small round and keep what it took, under ``VIPER_HOME``.

    Args:
        settings: The profile, which passed the checks before a round.
        card: Where it computes.

    Raises:
        ViperError: Whatever stops a round.
    """
    import models.pipelines.editor
    import models.pipelines.painter
    import models.vlm  # noqa: F401 - a round imports them before its first step, when it checks its models

    small = small_round(settings)
    with TemporaryDirectory(prefix="plan-", dir=work_folder()) as folder:
        store = ObjectStore(folder)
        cut = Cut(small, cut_of(open_store(), settings).identities)
        watch = Stopwatch(TimedWorker(store, cut.machine()))

        def walk() -> None:
            made = make_data(watch, cut, 1, cut.base, {})
            watch.release()
            make_candidate(watch, cut, 1, cut.base, made, {}, {})
            watch.release()

        Flow(walk, name="measure", task_runner=one_worker)()
        expected = _found(watch, small)
    with set_up(small) as setting:
        sights, _, _ = look(setting)
        rehearsal = rehearse(setting, sights, expected)
        bare = {phase.name: phase.parts.total - phase.parts.runtime for phase in phases(setting, rehearsal, sights, {})}
    found = Measurement(
        card=card,
        taken=f"{datetime.datetime.now():%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        expected=expected,
        rates=_rates(watch, rehearsal),
        loading_s=_loading(watch),
        runtime={name: max(0, size - bare[name]) for name, size in watch.peaks.items() if name in bare and size},
    )
    file = measurement_file(card, settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    return found


def _rates(watch: Stopwatch, rehearsal: Rehearsal) -> dict[str, Rate]:
    """Seconds and bytes of a unit; of a training, its own."""
    units: dict[str, float] = {}
    for duty in rehearsal.duties:
        units[duty.kind] = units.get(duty.kind, 0.0) + duty.units
    return {
        kind: Rate(
            seconds=seconds if kind.startswith("training ") else seconds / max(1.0, units[kind]),
            bytes=watch.stored[kind] / max(1.0, units[kind]),
            source=MEASURED,
        )
        for kind, seconds in watch.seconds.items()
    }


def _loading(watch: Stopwatch) -> dict[str, float]:
    times = {str(role): sum(spent) / len(spent) for role, spent in watch.worker.loading.items()}
    return {**times, **({"training": sum(watch.starting) / len(watch.starting)} if watch.starting else {})}


def _painted(watch: Stopwatch, step: str) -> int:
    return sum(int(str(watch.store.manifest(ref).meta["painted"])) for ref in watch.made[step])


def _found(watch: Stopwatch, settings: Settings) -> Expectations:
    """How long texts were and what the filter kept, over the pictures of the small round."""
    store, guess = watch.store, estimated(settings)
    (captions, *_), (critiques, *_), (edits, *_) = (watch.made[name] for name in ("captions", "critiques", "edits"))
    texts = read_payload(store, captions, Captions).root
    said = read_payload(store, critiques, Critiques).root
    plans = read_payload(store, edits, Plans).root
    pictures, edited = len(texts), max(1, len(plans))
    vlm = Cut(settings, cut_of(open_store(), settings).identities)
    tokenizer = watch.worker.vlm(vlm.vlm(vlm.base)).processor.tokenizer

    def tokens(those: list[str]) -> float:
        return sum(len(tokenizer(text)["input_ids"]) for text in those) / max(1, len(those))

    rows = dict(zip(vlm.lessons, (dataset_size(store, ref) for ref in watch.made["dataset"]), strict=True))
    of = {"csr": pictures, "vop": edited}
    return Expectations(
        caption=tokens(list(texts.values())),
        critique=tokens([one.refinements for each in said.values() for one in each]),
        operation=tokens([" ".join(plan.sentences) for plan in plans.values()]),
        reply=guess.reply,
        rollout={**guess.rollout, **watch.rollouts},
        rewritten=sum(bool(one.refined) for each in said.values() for one in each) / pictures,
        refined=_painted(watch, "judgements") / pictures,
        united=_painted(watch, "refinements") / pictures,
        planned=len(plans) / (pictures * settings.synthesis.edits_per_image),
        kept={lesson: count / of.get(lesson, pictures) for lesson, count in rows.items()},
        source=f"{MEASURED}, on {pictures} pictures",
    )
