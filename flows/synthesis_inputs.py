"""The inputs of the steps of synthesis, cut out of an evolution's settings. Those of edits: ``flows.edit_inputs``."""

from collections.abc import Mapping, Sequence

from flows.cut import Cut, slice_of
from models.collapse import YieldRules
from models.image_limits import benchmark_limits, pool_limits
from models.lessons import find_lesson
from models.selfcritique import CritiqueRules
from tasks.contamination import HashInputs
from tasks.critique import CritiqueInputs
from tasks.easel import Painting
from tasks.generation import CaptionInputs
from tasks.judging import JudgementInputs
from tasks.planting import PlantInputs
from tasks.pool import ListingInputs, TakeInputs
from tasks.pools.source import PoolChoice
from tasks.proving import CritiqueFilterInputs
from tasks.reconstruction import NoiseInputs, PaintingInputs
from tasks.rewriting import AskedRewriting, Rewriting, UnionInputs
from tasks.suites import SuiteInputs, suite_source
from tasks.versioning import DatasetInputs, DatasetLineage
from viper.pictures import ImageLimits, PoolFile
from viper.records import ArtifactRef, ModelRef, Shard


def suite(cut: Cut, name: str) -> SuiteInputs:
    """For ``fix_suite``."""
    benchmarks = cut.settings.benchmarks
    return SuiteInputs(
        suite=name,
        source=suite_source(benchmarks.folder, name),
        limit=benchmarks.limit,
        limits=benchmark_limits(_address(cut.base)),
        shard_questions=benchmarks.shard_questions,
    )


def hashes(cut: Cut, suite: str, file: ArtifactRef) -> HashInputs:
    """For ``hash_suite``."""
    return HashInputs(suite=suite, file=file, hash_side=cut.settings.pool.hash_side)


def listing(cut: Cut, round_number: int) -> ListingInputs:
    """For ``list_pool``."""
    choice = PoolChoice(
        uri=cut.settings.pool.uri,
        count=cut.settings.pool.images_per_round,
        round_number=round_number,
        order=cut.seed(0, "pool"),
        draw=cut.seed(round_number, "pool"),
    )
    return ListingInputs(choice=choice, occasion=cut.occasion(round_number))


def takes(cut: Cut, files: Sequence[PoolFile], hashes: Sequence[ArtifactRef]) -> list[TakeInputs]:
    """For ``take_images``, shard by shard."""
    pool, size = cut.settings.pool, cut.settings.synthesis.shard_images
    limits = _pool_limits(cut)
    return [
        TakeInputs(
            uri=pool.uri,
            files=tuple(files[first : first + size]),
            number=first // size,
            limits=limits,
            hash_side=pool.hash_side,
            near_benchmark_bits=pool.near_benchmark_bits,
            hashes=tuple(hashes),
        )
        for first in range(0, len(files), size)
    ]


def _pool_limits(cut: Cut) -> ImageLimits:
    """What the pool's pictures must keep to, by its settings and by the models."""
    pool = cut.settings.pool
    return pool_limits(pool.max_pixels, pool.max_bytes, _address(cut.base), _address(cut.editor.model))


def _address(model: ModelRef) -> tuple[str, str]:
    return model.settings_path, model.revision


def captions(cut: Cut, round_number: int, model: ModelRef, shard: Shard) -> CaptionInputs:
    """For ``caption_images``."""
    synthesis = cut.settings.synthesis
    return CaptionInputs(
        vlm=cut.vlm(model),
        prompt=cut.world.prompts.caption,
        shard=shard,
        temperature=synthesis.critique_temperature,
        tries=synthesis.tries,
        max_new_tokens=synthesis.max_new_tokens,
        batch=synthesis.batch,
        seed=cut.seed(round_number, "captions"),
    )


def paintings(cut: Cut, round_number: int, shard: Shard, captions: ArtifactRef) -> PaintingInputs:
    """For ``paint_captions``."""
    return PaintingInputs(shard=shard, captions=captions, painting=_painting(cut, round_number))


def noise(cut: Cut, round_number: int, captions: ArtifactRef, paintings: ArtifactRef) -> NoiseInputs:
    """For ``measure_noise``."""
    return NoiseInputs(captions=captions, paintings=paintings, painting=_painting(cut, round_number))


def critiques(
    cut: Cut, round_number: int, model: ModelRef, shard: Shard, captions: ArtifactRef, paintings: ArtifactRef
) -> CritiqueInputs:
    """For ``critique_paintings``."""
    synthesis = cut.settings.synthesis
    return CritiqueInputs(
        vlm=cut.vlm(model),
        prompt=cut.world.prompts.critique,
        rewriting=_rewriting(cut),
        shard=shard,
        captions=captions,
        paintings=paintings,
        critiques=synthesis.critiques,
        temperature=synthesis.critique_temperature,
        tries=synthesis.tries,
        max_new_tokens=synthesis.max_new_tokens,
        batch=synthesis.batch,
        seed=cut.seed(round_number, "critique"),
    )


def planted(cut: Cut, round_number: int, shard: Shard, captions: ArtifactRef, critiques: ArtifactRef) -> PlantInputs:
    """For ``plant_wrong_sentences``."""
    return PlantInputs(
        world=cut.world.name,
        version=cut.world.need_rules().version,
        shard=shard,
        captions=captions,
        critiques=critiques,
        share=cut.settings.ablation.planted_share,
        seed=cut.seed(round_number, "planted"),
    )


def _rewriting(cut: Cut) -> Rewriting:
    """Who rewrites captions."""
    if cut.settings.synthesis.writer == "rules":
        return Rewriting(rules_of=cut.world.name, version=cut.world.need_rules().version)
    return Rewriting(prompt=cut.world.prompts.rewrite)


def judgements(
    cut: Cut,
    round_number: int,
    shard: Shard,
    captions: ArtifactRef,
    paintings: ArtifactRef,
    critiques: ArtifactRef,
    noise: ArtifactRef,
) -> JudgementInputs:
    """For ``judge_corrections``."""
    return JudgementInputs(
        shard=shard,
        captions=captions,
        paintings=paintings,
        critiques=critiques,
        noise=noise,
        painting=_painting(cut, round_number),
        seeds=cut.settings.filter.seeds,
        rules=slice_of(CritiqueRules, cut.settings.filter),
    )


def unions(
    cut: Cut,
    round_number: int,
    model: ModelRef,
    shard: Shard,
    captions: ArtifactRef,
    critiques: ArtifactRef,
    judgements: ArtifactRef,
) -> UnionInputs:
    """For ``put_together``."""
    synthesis, rewriting = cut.settings.synthesis, _rewriting(cut)
    asked = AskedRewriting(
        vlm=cut.vlm(model),
        temperature=synthesis.critique_temperature,
        tries=synthesis.tries,
        max_new_tokens=synthesis.max_new_tokens,
        batch=synthesis.batch,
        seed=cut.seed(round_number, "unions"),
    )
    return UnionInputs(
        rewriting=rewriting,
        asked=asked if rewriting.prompt else None,
        shard=shard,
        captions=captions,
        critiques=critiques,
        judgements=judgements,
    )


def _painting(cut: Cut, round_number: int) -> Painting:
    """How a round's captions are painted, first and refined ones alike."""
    return Painting(painter=cut.painter, judge=cut.judge, seed=cut.seed(round_number, "noise"))


def refinements(
    cut: Cut,
    round_number: int,
    shard: Shard,
    captions: ArtifactRef,
    paintings: ArtifactRef,
    critiques: ArtifactRef,
    judgements: ArtifactRef,
    unions: ArtifactRef,
    noise: ArtifactRef,
) -> CritiqueFilterInputs:
    """For ``filter_critiques``."""
    return CritiqueFilterInputs(
        rules=slice_of(CritiqueRules, cut.settings.filter),
        shard=shard,
        captions=captions,
        paintings=paintings,
        critiques=critiques,
        judgements=judgements,
        unions=unions,
        noise=noise,
        painting=_painting(cut, round_number),
    )


def dataset(
    cut: Cut,
    round_number: int,
    lesson: str,
    synthesizer: ModelRef,
    shards: Sequence[Shard],
    products: Mapping[str, Sequence[ArtifactRef]],
    parent: ArtifactRef | None,
) -> DatasetInputs:
    """For ``version_dataset``."""
    settings, found = cut.settings, find_lesson(lesson)
    models = {"painter": cut.painter.model, "editor": cut.editor.model}
    lineage = DatasetLineage(
        **dict(cut.occasion(round_number)),
        parent=parent,
        synthesizer=synthesizer,
        models=models | ({"judge": cut.judge.model} if cut.judge.model else {}),
    )
    return DatasetInputs(
        lesson=found.name,
        prompt=found.prompt(cut.world.prompts),
        shards=tuple(shards),
        products={name: tuple(products[name]) for name in found.needs},
        max_nothing_share=settings.filter.max_nothing_share,
        rules=slice_of(YieldRules, settings.filter, settings.collapse),
        inline_image_bytes=settings.synthesis.inline_image_bytes,
        seed=cut.seed(round_number, "balance"),
        lineage=lineage,
    )
