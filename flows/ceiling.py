"""The same rounds on true labels: how much could be gained if the loop's data held no error."""

from flows import edit_inputs, training_inputs
from flows import synthesis_inputs as inputs
from flows.cut import Cut
from flows.runner import InProcess, gather, run
from flows.synthesis import take_shards, version_datasets
from flows.truth import check_truth
from tasks import editing, filtering, generation, reconstruction
from tasks.ceiling import TruthInputs, write_true_refinements
from tasks.training import train_stage, trained_model
from tasks.versioning import lack_of_lessons
from viper.errors import Collapsed
from viper.records import ArtifactRef, ModelRef


def ceiling(runner: InProcess, cut: Cut, rounds: int) -> ModelRef:
    """The model after ``rounds`` rounds on true labels, each from the last one's model; no gate holds it back.

    Raises:
        PoolError: The pool's truth is not known.
    """
    check_truth(cut.settings)
    model = cut.base
    for round_number in range(1, rounds + 1):
        datasets = _true_datasets(runner, cut, round_number, model)
        runner.release()
        for stage in cut.settings.training.stages:
            made_of = tuple(datasets[lesson] for lesson in stage.lessons if lesson in datasets)
            if not lack_of_lessons(runner.store, made_of, cut.settings.filter.min_samples, stage.name):
                trained = run(runner, train_stage, training_inputs.training(cut, round_number, stage, model, datasets))
                model = trained_model(runner.store, round_number, model, trained)
    return model


def _true_datasets(runner: InProcess, cut: Cut, round_number: int, model: ModelRef) -> dict[str, ArtifactRef]:
    shards = take_shards(runner, cut, round_number)
    captions = gather(
        runner.submit(generation.caption_images, inputs.captions(cut, round_number, model, one)) for one in shards
    )
    seed = cut.seed(round_number, "true refinements")
    truths = gather(
        runner.submit(
            write_true_refinements,
            TruthInputs(world=cut.world.name, shard=shard, captions=said, seed=seed, number=shard.number),
        )
        for shard, said in zip(shards, captions, strict=True)
    )
    plans = gather(
        runner.submit(editing.write_operations, edit_inputs.plans(cut, round_number, model, shard, truth, truth))
        for shard, truth in zip(shards, truths, strict=True)
    )
    edits = gather(
        runner.submit(editing.edit_images, edit_inputs.edits(cut, round_number, *each))
        for each in zip(shards, plans, strict=True)
    )
    painted = run(runner, reconstruction.paint_captions, inputs.paintings(cut, round_number, shards[0], captions[0]))
    noise = run(runner, reconstruction.measure_noise, inputs.noise(cut, round_number, captions[0], painted))
    operations = gather(
        runner.submit(filtering.filter_edits, edit_inputs.operations(cut, *each, noise))
        for each in zip(shards, edits, strict=True)
    )
    products = {"captions": captions, "refinements": truths, "edits": edits, "operations": operations}
    datasets, left_out = version_datasets(runner, cut, round_number, model, shards, products, {})
    if not datasets:
        raise Collapsed(" ".join(left_out.values()))
    return datasets
