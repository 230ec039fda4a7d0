"""The same rounds on true labels: how much could be gained if the loop's data held no error."""

from prefect import flow

from flows.synthesis import gather, hash_suites, one_worker
from tasks import ceiling as steps
from tasks import editing, filtering, generation, pool, promotion, training, versioning
from tasks.step import release_models
from viper.records import ArtifactRef, ModelRef
from viper.settings import Settings


@flow(name="ceiling", task_runner=one_worker, flow_run_name="ceiling of {settings.evolution}")
def ceiling(settings: Settings, rounds: int = 1) -> ModelRef:
    """The model after ``rounds`` rounds on true labels, each from the last one's model; no gate holds it back.

    Args:
        settings: Of the evolution, on a pool of the embedded world.
        rounds: At least 1.

    Raises:
        PoolError: The pool's truth is not known.
    """
    steps.check_truth(settings)
    vlm = promotion.base_vlm(settings)
    for round_number in range(1, rounds + 1):
        datasets = _true_datasets(settings, round_number, vlm)
        release_models()
        for stage in settings.training.stages:
            if training.has_lessons(settings, stage, datasets):
                vlm = training.as_vlm(round_number, training.train_stage(settings, round_number, stage, vlm, datasets))
    return vlm


def _true_datasets(settings: Settings, round_number: int, vlm: ModelRef) -> dict[str, ArtifactRef]:
    shards = pool.shards_of(pool.take_images(settings, round_number, hash_suites(settings)))
    captions = gather(generation.caption_images.submit(settings, vlm, shard) for shard in shards)
    truths = [
        steps.write_true_refinements(settings, round_number, *each) for each in zip(shards, captions, strict=True)
    ]
    edits, operations = [], []
    for shard, truth in zip(shards, truths, strict=True):
        plans = editing.write_operations(settings, round_number, vlm, shard, truth, truth)
        edits.append(editing.edit_images(settings, round_number, shard, plans))
        operations.append(filtering.filter_edits(settings, shard, edits[-1]))
    csr = versioning.version_dataset(settings, round_number, vlm, "csr", shards, [(one,) for one in truths], None)
    parts = list(zip(operations, edits, strict=True))
    vop = versioning.version_dataset(settings, round_number, vlm, "vop", shards, parts, None)
    return {"csr": csr, "vop": vop}
