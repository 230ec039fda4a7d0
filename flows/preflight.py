"""What is checked before any work starts, so that a mistake costs seconds and not a night."""

from flows.identities import at_commits, resolve_commits
from flows.ray_cluster import check_cluster
from flows.truth import check_truth
from models.families import family_of
from models.judges import CHECKS, find_judge
from models.lessons import find_lesson
from models.locations import MODEL, PIPELINE, check_kind
from models.model_files import PROCESSORS, TOKENIZERS, files_of
from models.pipelines.checks import check_pipeline
from models.pipelines.components import check_parts, check_scheduler
from models.worlds import find_world
from storage.layout import MAX_ROUNDS
from storage.ledger.requests import known_commits
from storage.objects import ObjectStore
from tasks.launchers import find_launcher
from tasks.pool import check_pool
from tasks.suites import check_suites
from viper.endpoints import vlm_endpoints
from viper.environment import store_root
from viper.errors import ProfileError
from viper.servers import check_s3_answers, check_servers
from viper.settings import ModelSettings, Settings, TrainingSettings, VlmSettings

KINDS = {"vlm": MODEL, "painter": PIPELINE, "editor": PIPELINE, "similarity": MODEL}
"""What describes each model of the loop."""
MIN_FREE_BYTES = 2_000_000_000


def check(settings: Settings, rounds: int) -> None:
    """Rounds, names, models, adapters, pool, suites, store, and what the revisions of hub models mean.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    if not 1 <= rounds < MAX_ROUNDS:
        raise ProfileError(f"rounds is {rounds}; expected at least 1 and at most {MAX_ROUNDS - 1:,}.")
    check_servers()
    if settings.models.vlm.serving.engine == "endpoint":
        vlm_endpoints()
    check_s3_answers(settings.pool.uri, settings.benchmarks.folder)
    check_names(settings)
    _check_samples(settings)
    check_devices(settings)
    if settings.run.workers == "ray":
        check_cluster(settings)
    if settings.training.launcher:
        find_launcher(settings.training.launcher[0])
    store = ObjectStore(store_root())
    settings = at_commits(settings, resolve_commits(settings, known_commits(store, settings.evolution)))
    check_models(settings)
    if any(getattr(settings.models, name).device != "cpu" for name in KINDS) or settings.judge.device != "cpu":
        from flows.plan.preflight import check_memory  # it rehearses the round, for which it imports Prefect

        check_memory(settings)
    check_pool(settings.pool, settings.models.vlm, settings.models.editor)
    check_suites(settings.benchmarks)
    try_models(settings)
    store.probe(MIN_FREE_BYTES)


def check_names(settings: Settings) -> None:
    """World, judge and lessons are known, and the world can do what is asked of it.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    world = find_world(settings.world)
    if settings.synthesis.writer == "rules":
        world.need_rules()
    else:
        world.need_prompts()
    if settings.ablation.planted_share:
        world.need_rules()
        check_truth(settings)
    find_judge(settings.judge.kind)
    for stage in settings.training.stages:
        for lesson in stage.lessons:
            find_lesson(lesson)


def _check_samples(settings: Settings) -> None:
    """A round can have as many samples as it needs."""
    lessons = {lesson for stage in settings.training.stages for lesson in stage.lessons}
    # One critique of an image is kept at most, and one sample of each of its edits.
    images, edits = settings.pool.images_per_round, settings.synthesis.edits_per_image
    most = images * (1 if "csr" in lessons else edits)
    if settings.filter.min_samples > most:
        raise ProfileError(
            f"filter.min_samples is {settings.filter.min_samples}, but a round of {images} images has at most {most} "
            "samples of each lesson. Lower it, or raise pool.images_per_round."
        )


def check_models(settings: Settings) -> None:
    """All models are there, whole, and of the kind and family that their place in the loop needs.

    Names of files and descriptions are read, and no library is needed.

    Raises:
        ModelError: One is not.
    """
    models = settings.models
    for name in KINDS:
        _check_model(settings, name)
    if settings.judge.path:
        check_kind("judge", settings.judge.path, settings.judge.revision, MODEL)
        of_judge = files_of("judge.path", settings.judge.path, settings.judge.revision)
        of_judge.need_weights()
        of_judge.need(*PROCESSORS)
    _check_vlm(models.vlm)
    files_of("models.similarity.path", models.similarity.path, models.similarity.revision).need("modules.json")
    check_pipeline(models.painter, "painter")
    check_pipeline(models.editor, "editor")
    check_parts(models.painter, "painter")
    check_parts(models.editor, "editor")


def _check_vlm(vlm: VlmSettings) -> None:
    family_of(vlm.path, vlm.revision)
    files = files_of("models.vlm.path", vlm.path, vlm.revision)
    files.need_weights()
    files.need(*TOKENIZERS)
    files.need(*PROCESSORS)


def _check_model(settings: Settings, name: str) -> None:
    model: ModelSettings = getattr(settings.models, name)
    check_kind(f"models.{name}", model.path, model.revision, KINDS[name])


def try_models(settings: Settings) -> None:
    """The VLM's processor reads pictures and prompts, adapters have places, the similarity model tells sentences apart.

    No other weights are read. What needs the libraries comes last, since to import them takes seconds.

    Raises:
        ModelError: With what was found, what was expected, and what to do.
    """
    from models.families.checks import check_trainable
    from models.similarity import check_similarity

    models = settings.models
    replies = [stage.max_completion_tokens for stage in settings.training.stages if stage.objective == "grpo"]
    try_reading(settings, max([settings.synthesis.max_new_tokens, *replies]))
    check_trainable(models.vlm, settings.training)
    _try_engine(settings, settings.training)
    if settings.judge.path and (check := CHECKS.get(settings.judge.kind)):
        check(settings.judge.path, settings.judge.revision)
    for pipeline in (models.painter, models.editor):
        check_scheduler(pipeline)
    check_similarity(models.similarity)


def _try_engine(settings: Settings, training: TrainingSettings | None) -> None:
    """Who generates with the VLM is there, has it, and takes the adapters of a training if there will be some."""
    vlm = settings.models.vlm
    if vlm.serving.engine == "vllm":
        from models.endpoints.own import check_vllm

        check_vllm()
    elif vlm.serving.engine == "endpoint":
        from models.endpoints.checks import check_endpoints

        check_endpoints(vlm, find_world(settings.world).prompts.caption, training)


def try_reading(settings: Settings, reply_tokens: int) -> None:
    """The VLM reads the world's prompts with pictures, and has room for them and its longest reply.

    Raises:
        ModelError: It does not, or has not.
    """
    from models.families.checks import check_reading

    prompts, written = find_world(settings.world).prompts, settings.synthesis.max_new_tokens
    check_reading(settings.models.vlm, prompts, written, reply_tokens, settings.pool.max_pixels)


def check_devices(settings: Settings) -> None:
    """The torch devices of the models are on this machine; with Ray, those of the models that training needs.

    Raises:
        ProfileError: One is not.
    """
    models, elsewhere = settings.models, settings.run.workers == "ray"
    for name in ("vlm", "similarity") if elsewhere else KINDS:
        _check_device(f"models.{name}.device", getattr(models, name).device)
    if settings.judge.path and not elsewhere:
        _check_device("judge.device", settings.judge.device)


def _check_device(setting: str, device: str) -> None:
    if device == "cpu":
        return
    import torch

    kind, _, number = device.partition(":")
    here = torch.accelerator.current_accelerator(check_available=True)
    count = torch.accelerator.device_count()
    if here is None or here.type != kind or int(number or 0) >= count:
        found = f"{count} of kind {here.type}" if here else "none"
        raise ProfileError(
            f"{setting} is {device!r}, but of such devices torch {torch.__version__} sees {found} on this machine. Run "
            'where it is, or set the device to "cpu".'
        )


def check_benchmark(settings: Settings) -> None:
    """What a benchmark alone needs: the VLM, suites and store.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    check_servers()
    check_s3_answers(settings.benchmarks.folder)
    find_world(settings.world)
    _check_device("models.vlm.device", settings.models.vlm.device)
    _check_model(settings, "vlm")
    _check_vlm(settings.models.vlm)
    if settings.run.workers == "ray":
        check_cluster(settings)
    check_suites(settings.benchmarks)
    ObjectStore(store_root()).probe(MIN_FREE_BYTES)
    try_reading(settings, settings.benchmarks.max_new_tokens)
    _try_engine(settings, None)


def check_training(settings: Settings) -> None:
    """What trainings alone need: the VLM and the model of the reward, and their devices.

    Raises:
        ViperError: With what was found, what was expected, and what to do.
    """
    for name in ("vlm", "similarity"):
        _check_device(f"models.{name}.device", getattr(settings.models, name).device)
        _check_model(settings, name)
