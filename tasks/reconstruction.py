"""Image-level reconstruction: the painter paints captions, and its paintings are measured against the images."""

from prefect import State
from pydantic import JsonValue

from models.diffusion import Painter
from models.reconstruction import Distance, load_distance
from tasks.shards import png_bytes, shard_images
from tasks.step import Entries, fingerprint, once, read_json, seed_of, step_task, to_json, worker_model
from viper.records import ArtifactRef, Shard
from viper.settings import DiffusionSettings, ModelSettings, Settings


def load_painter(settings: DiffusionSettings) -> Painter:
    """The painter of this worker."""
    return worker_model(Painter, settings)


def load_eyes(settings: Settings) -> Distance:
    """The distance of this worker."""
    return worker_model(load_distance, settings.distance, settings.models.painter.device)


def noise_seeds(settings: Settings, round_number: int, image: str) -> list[int]:
    """The paired noise seeds of an image: the same for its first and all its refined captions."""
    return [seed_of(settings, round_number, "noise", f"{image}/{i}") for i in range(settings.filter.seeds)]


def distance_identity(name: str) -> str:
    """What decides the distances: ``pixels``, or what decides the image model's weights and their number format."""
    if name == "pixels":
        return name
    return fingerprint(ModelSettings(path=name)) + " float32"


def painting_inputs(settings: Settings, round_number: int) -> dict[str, object]:
    """What decides a painting besides its caption."""
    return {
        "painter": fingerprint(settings.models.painter),
        "painting": settings.models.painter.model_dump(
            include={"steps", "guidance", "negative_prompt", "side_px", "batch", "dtype"}
        ),
        "distance": distance_identity(settings.distance),
        "seeds": settings.filter.seeds,
        "seed": seed_of(settings, round_number, "noise"),
    }


@step_task(name="paint captions", task_run_name="paint shard {shard.number}")
def paint_captions(
    settings: Settings, round_number: int, shard: Shard, captions: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``paintings``: ``<image id>.png`` (first seed) and ``distances.json`` (one a seed, by image id)."""

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures, texts = shard_images(shard), read_json(captions, "captions.json")
        jobs = [(image, seed) for image in pictures for seed in noise_seeds(settings, round_number, image)]
        painted = load_painter(settings.models.painter).paint(
            [texts[image] for image, _ in jobs], [seed for _, seed in jobs]
        )
        measured = load_eyes(settings)([pictures[image] for image, _ in jobs], painted)
        entries: dict[str, bytes] = {}
        distances: dict[str, list[float]] = {image: [] for image in pictures}
        for (image, _), painting, distance in zip(jobs, painted, measured, strict=True):
            entries.setdefault(f"{image}.png", png_bytes(painting))
            distances[image].append(distance)
        facts: dict[str, JsonValue] = {"mean_distance": sum(measured) / max(1, len(measured))}
        return {**entries, "distances.json": to_json(distances)}, facts

    return once(
        "paintings", 1, {**painting_inputs(settings, round_number), "captions": captions, "shard": shard}, compute
    )


@step_task(name="paint refined captions", task_run_name="paint refined shard {shard.number}")
def paint_refined(
    settings: Settings, round_number: int, shard: Shard, critiques: ArtifactRef
) -> ArtifactRef | State[ArtifactRef]:
    """Artifact ``judgements``: ``distances.json``, by image id and refined caption, one distance a seed.

    Also ``<image id>/<number>.png``, the first seed's painting of each refined caption.
    """

    def compute() -> tuple[Entries, dict[str, JsonValue]]:
        pictures, written = shard_images(shard), read_json(critiques, "critiques.json")
        jobs = [
            (image, number, text, seed)
            for image in pictures
            for number, text in enumerate(refined_captions(written[image]))
            for seed in noise_seeds(settings, round_number, image)
        ]
        painted = load_painter(settings.models.painter).paint([job[2] for job in jobs], [job[3] for job in jobs])
        measured = load_eyes(settings)([pictures[job[0]] for job in jobs], painted)
        entries: dict[str, bytes] = {}
        distances: dict[str, dict[str, list[float]]] = {image: {} for image in pictures}
        for (image, number, text, _), painting, distance in zip(jobs, painted, measured, strict=True):
            entries.setdefault(f"{image}/{number}.png", png_bytes(painting))
            distances[image].setdefault(text, []).append(distance)
        return {**entries, "distances.json": to_json(distances)}, {"painted": len(jobs)}

    inputs = {**painting_inputs(settings, round_number), "critiques": critiques, "shard": shard}
    return once("judgements", 1, inputs, compute)


def refined_captions(critiques: list[dict[str, str]]) -> list[str]:
    """The distinct refined captions of one image, in order of their critiques."""
    return list(dict.fromkeys(one["refined"] for one in critiques if one["refined"]))
