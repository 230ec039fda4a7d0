"""Which setting repeats which step: every setting is changed, and the keys of a round's steps are compared.

python -m tests.settings_table        prints the README's table
"""

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from types import UnionType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows import edit_inputs
from flows import synthesis_inputs as synthesis
from flows import training_inputs as training
from flows.cut import Cut
from flows.identities import Identities
from tasks.contamination import hash_suite
from tasks.critique import WholeInputs, critique_paintings, take_whole
from tasks.editing import edit_images, write_operations
from tasks.evaluation import answer_questions
from tasks.filtering import filter_critiques, filter_edits
from tasks.generation import caption_images
from tasks.judging import judge_corrections
from tasks.planting import plant_wrong_sentences
from tasks.pool import list_pool, take_images
from tasks.reconstruction import measure_noise, paint_captions
from tasks.report import write_report
from tasks.rewriting import put_together
from tasks.suites import fix_suite
from tasks.training import train_stage
from tasks.verdict import decide_on_candidate
from tasks.versioning import version_dataset
from tasks.witness import ask_what_happened
from viper.errors import ViperError
from viper.pictures import PoolFile
from viper.profiles import load_profile, override
from viper.records import ArtifactRef, ModelRef, Shard, Synthesis, Verdict
from viper.settings import GrpoStage, Settings


def _other_vlm() -> str:
    """A folder of a model of another family, which takes pictures of the same shapes."""
    folder = Path(mkdtemp(prefix="other-vlm-"))
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    return str(folder)


NOTHING = "nothing"
TOGETHER = {
    "world": ["synthesis.writer=vlm"],
    "judge.kind": ["judge.path='shapes:similarity'"],
    "judge.path": ["judge.kind=features"],
    "training.sharding": ["training.launcher=['torchrun']"],
    **{f"models.{name}.offload": [f"models.{name}.device=cuda"] for name in ("painter", "editor")},
    **{f"models.{name}.lora": [f"models.{name}.lora_file=x.safetensors"] for name in ("painter", "editor")},
    **{f"models.{name}.lora_file": [f"models.{name}.lora=shapes:vlm"] for name in ("painter", "editor")},
}
"""What must be changed with a setting, so that the profile still agrees with itself."""
BASES = {
    "training.rollouts": ["models.vlm.serving.engine=endpoint"],
    **{
        f"training.rollouts.{name}": ["models.vlm.serving.engine=endpoint", "training.rollouts.engine=endpoint"]
        for name in ("importance", "importance_cap")
    },
    **{
        f"models.vlm.serving.{name}": ["models.vlm.serving.engine=endpoint"]
        for name in ("served_name", "requests_in_flight", "timeout_s")
    },
    **{
        f"models.vlm.serving.{name}": ["models.vlm.serving.engine=vllm"]
        for name in ("memory_share", "context_tokens", "compiled")
    },
}
"""What must be so before and after a setting is changed: without it there is no such setting."""
VALUES: dict[str, list[str]] = {
    "models.vlm.serving": ["{engine='endpoint'}"],
    "training.rollouts": ["{engine='endpoint'}"],
    "world": ["photographs"],
    "benchmarks.folder": ["shapes:held-out"],
    "benchmarks.suites": ["['fine_perception']"],
    "gate.gain_on": ["counting"],
    "gate.confidence": ["0.9"],
    "judge.kind": ["features"],
    "judge.path": ["shapes:similarity"],
    "pool.uri": ["./photographs"],
    "models.vlm.path": [_other_vlm()],
    "models.painter.path": ["shapes:editor"],
    "models.editor.path": ["shapes:painter"],
    "models.similarity.path": ["shapes:vlm"],
    "training.lora.target_modules": ["q_proj"],
    "training.launcher": ["['accelerate']"],
    **{f"models.{name}.lora": ["shapes:vlm"] for name in ("painter", "editor")},
    **{f"models.{name}.lora_file": ["x.safetensors"] for name in ("painter", "editor")},
    **{f"models.{name}.scheduler": ["{shift=3.0}"] for name in ("painter", "editor")},
    **{f"models.{name}.quantized_components": ["['vae']"] for name in ("painter", "editor")},
    **{f"models.{name}.device": ["cuda"] for name in ("vlm", "painter", "editor", "similarity")},
    "judge.device": ["cpu"],
    "notify.block": ["slack-webhook/team"],
    "notify.on": ["['failed']"],
}
"""Other values of settings whose type does not say which there are."""


def ref(name: str) -> ArtifactRef:
    """An artifact whose content is its name."""
    return ArtifactRef(kind=name, uri=f"results/x/{name}", sha256=name, size_bytes=1, content_sha256=name)


FILES = [PoolFile(name=str(number), version="1") for number in range(150)]
CHAMPION = ModelRef(name="round 1", artifact=ref("champion"), fingerprint="champion")


def keys(cut: Cut) -> dict[str, str]:
    """The keys of each step, in order, as if all before it had given what they give now.

    Of a round whose champion is the base, and of one whose champion is another model.
    """
    first, later = _keys(cut, cut.base), _keys(cut, CHAMPION)
    return {name: f"{first[name]} {later[name]}" for name in first}


def _keys(cut: Cut, champion: ModelRef) -> dict[str, str]:
    model, shard, settings = cut.synthesizer(champion), Shard(pool=ref("pool"), number=0), cut.settings
    suites = {name: synthesis.suite(cut, name) for name in settings.benchmarks.suites}
    hashes = [ref(f"hashes of {name}") for name in suites]
    products = {name: [ref(name)] for name in ("captions", "refinements", "operations", "edits")}
    made = Synthesis(datasets={}, shards=(shard,), products={}, seconds=())
    found = {f"suite {name}": fix_suite.key(one) for name, one in suites.items()}
    found |= {f"hashes {name}": hash_suite.key(synthesis.hashes(cut, name, ref("suite"))) for name in suites}
    found["listing"] = list_pool.key(synthesis.listing(cut, 2))
    found["pool"] = " ".join(take_images.key(one) for one in synthesis.takes(cut, FILES, hashes))
    found["captions"] = caption_images.key(synthesis.captions(cut, 2, model, shard))
    found["paintings"] = paint_captions.key(synthesis.paintings(cut, 2, shard, ref("captions")))
    critiques = synthesis.critiques(cut, 2, model, shard, ref("captions"), ref("paintings"))
    found["critiques"] = critique_paintings.key(critiques)
    found["planted"] = ""
    if settings.ablation.planted_share:
        planted = synthesis.planted(cut, 2, shard, ref("captions"), ref("critiques"))
        found["planted"] = plant_wrong_sentences.key(planted)
    found["whole"] = ""
    if settings.filter.unit == "critique":
        found["whole"] = take_whole.key(WholeInputs(drawn=critiques, critiques=ref("critiques")))
    said = [ref(name) for name in ("captions", "paintings", "critiques")]
    found["noise"] = measure_noise.key(synthesis.noise(cut, 2, ref("captions"), ref("paintings")))
    found["judgements"] = judge_corrections.key(synthesis.judgements(cut, 2, shard, *said, ref("noise")))
    together = synthesis.unions(cut, 2, model, shard, ref("captions"), ref("critiques"), ref("judgements"))
    found["unions"] = put_together.key(together)
    judged = synthesis.refinements(cut, 2, shard, *said, ref("judgements"), ref("unions"), ref("noise"))
    found["refinements"] = filter_critiques.key(judged)
    plans = edit_inputs.plans(cut, 2, model, shard, ref("critiques"), ref("refinements"))
    found["plans"] = write_operations.key(plans)
    found["edits"] = edit_images.key(edit_inputs.edits(cut, 2, shard, ref("plans")))
    said_of, found["witnesses"] = None, ""
    if settings.filter.ask_vlm:
        said_of = ref("witnesses")
        found["witnesses"] = ask_what_happened.key(edit_inputs.witnesses(cut, 2, model, shard, ref("edits")))
    found["operations"] = filter_edits.key(edit_inputs.operations(cut, shard, ref("edits"), ref("noise"), said_of))
    for lesson in cut.lessons:
        version = synthesis.dataset(cut, 2, lesson, model, [shard], products, None)
        found[f"dataset {lesson}"] = version_dataset.key(version)
    for number, stage in enumerate(settings.training.stages):
        datasets = {lesson: ref(f"dataset {lesson}") for lesson in cut.lessons}
        found[f"model {number}"] = train_stage.key(training.training(cut, 2, stage, champion, datasets))
    for name in suites:
        found[f"replies {name}"] = answer_questions.key(training.answers(cut, champion, name, ref("suite"), 0))
    replies = {role: {name: [ref(role + name)] for name in suites} for role in ("base", "champion", "candidate")}
    said = {role: ref(role) for role in ("base", "candidate")}
    found["verdict"] = decide_on_candidate.key(training.verdict(cut, 2, replies, said))
    verdict = Verdict(decision="keep champion", reason="")
    found["report"] = write_report.key(training.report(cut, 2, made, [verdict], {}, {}, None))
    return found


def settings_of(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by its path, with its field; those of the first stage stand for all stages."""
    for name, field in section.model_fields.items():
        if name == "stages":
            yield from settings_of(GrpoStage, f"{prefix}stages.0.")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}{name}.")
        elif isinstance(field.annotation, UnionType):
            yield f"{prefix}{name}", field
            for member in typing.get_args(field.annotation):
                own = [(one, of_member) for one, of_member in member.model_fields.items() if one != "engine"]
                yield from ((f"{prefix}{name}.{one}", of_member) for one, of_member in own)
        else:
            yield f"{prefix}{name}", field


def other_values(path: str, field: FieldInfo, value: Any) -> list[str]:
    """Values that differ from the present one, as ``--set`` takes them; the first that the profile allows is taken."""
    if path in VALUES:
        return VALUES[path]
    kinds = typing.get_args(field.annotation) if isinstance(field.annotation, UnionType) else [field.annotation]
    for kind in kinds:
        if typing.get_origin(kind) is Literal:
            return [str(one) for one in typing.get_args(kind) if one != value]
    if isinstance(value, bool):
        return [str(not value).lower()]
    if isinstance(value, int):
        return [str(other) for other in (value + 1, value * 2, max(1, value // 2))]
    if isinstance(value, float):
        return [str(other) for other in (value * 2, value / 2, 0.25) if other != value]
    if isinstance(value, list):
        return ["['csr', 'vop']" if value != ["csr", "vop"] else "['csr']"]
    return ["another"]


def changed(settings: Settings, path: str, field: FieldInfo) -> Settings:
    """The settings with another value at a path."""
    value: Any = settings.model_dump(mode="json")
    for part in path.split("."):
        value = value[int(part) if isinstance(value, list) else part]
    if path.endswith(".objective"):
        return override(settings, ["training.stages=[{lessons=['csr'], objective='sft'}]"])
    for other in other_values(path, field, value):
        try:
            return override(settings, [f"{path}={other}", *TOGETHER.get(path, [])])
        except ViperError:
            continue
    raise AssertionError(f"no other value of {path} is allowed")


def table(settings: Settings | None = None) -> dict[str, str]:
    """The first step that repeats, by setting; ``NOTHING`` where a change repeats no step."""
    settings = settings or load_profile("shapes")
    identities = Identities({})
    plain = keys(Cut(settings, identities))
    found = {}
    for path, field in settings_of(Settings):
        base = override(settings, BASES[path]) if path in BASES else settings
        before = keys(Cut(base, identities)) if path in BASES else plain
        after = keys(Cut(changed(base, path, field), identities))
        moved = [name for name in after if before.get(name) != after[name]]
        found[path.replace("stages.0", "stages")] = moved[0].partition(" ")[0] if moved else NOTHING
    return found


def as_markdown(found: Mapping[str, str]) -> str:
    """The table as the README shows it: the settings of each first step."""
    by_step: dict[str, list[str]] = {}
    for path, first in found.items():
        by_step.setdefault(first, []).append(f"`{path}`")
    order = [*dict.fromkeys(name.partition(" ")[0] for name in keys(Cut(load_profile("shapes"), Identities({}))))]
    lines = ["| first step that repeats | settings |", "|---|---|"]
    lines += [f"| {step} | {', '.join(by_step[step])} |" for step in [*order, NOTHING] if step in by_step]
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown(table()))
