"""Image-level reconstruction: the painter paints captions, and its paintings are measured against the images."""

from pydantic import JsonValue

from models.payloads import Captions, Critiques, Distances, Judgements, shortened_of
from models.selfcritique import refined_captions
from storage.images import encode_png
from tasks.shards import PNG, read_payload, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.diffusion import DiffusionUse
from viper.records import ArtifactRef, JudgeUse, Record, Seed, Shard


class Painting(Record):
    """How captions are painted and measured: first and refined ones alike, so that only the caption differs."""

    painter: DiffusionUse
    judge: JudgeUse
    seeds: int
    """Noise seeds a caption is painted with."""
    seed: Seed
    """Of the round's noise."""

    def noise(self, image: str) -> list[int]:
        """The noise seeds of an image, by its id: the same for its first and all its refined captions."""
        return [self.seed.of(f"{image}/{number}") for number in range(self.seeds)]


class PaintingInputs(Inputs):
    """What decides the paintings of a shard's captions and their distances."""

    shard: Shard
    captions: ArtifactRef
    painting: Painting

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"paint shard {self.shard.number}"


class JudgementInputs(Inputs):
    """What decides the paintings of a shard's refined captions and their distances."""

    shard: Shard
    critiques: ArtifactRef
    painting: Painting
    """The same as the first captions'."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"paint refined captions of shard {self.shard.number}"


@step("paintings", 3, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def paint_captions(inputs: PaintingInputs, worker: Worker) -> Made:
    """Payloads ``Distances`` and ``Shortened``, and ``<image id>.png``, each image's painting with the first seed."""
    pictures = shard_images(worker.store, inputs.shard)
    texts = read_payload(worker.store, inputs.captions, Captions).root
    painter = worker.painter(inputs.painting.painter)
    fitted = {image: painter.fit(texts[image]) for image in pictures}
    jobs = [(image, seed) for image in pictures for seed in inputs.painting.noise(image)]
    painted = painter.paint([fitted[image].text for image, _ in jobs], [seed for _, seed in jobs])
    measured = worker.judge(inputs.painting.judge).distances([pictures[image] for image, _ in jobs], painted)
    entries: dict[str, bytes] = {}
    found: dict[str, list[float]] = {image: [] for image in pictures}
    for (image, _), painting, distance in zip(jobs, painted, measured, strict=True):
        if not found[image]:
            entries[f"{image}{PNG}"] = encode_png(painting)
        found[image].append(distance)
    distances = Distances({image: tuple(each) for image, each in found.items()})
    shortened = shortened_of(fitted)
    facts: dict[str, JsonValue] = {"mean_distance": sum(measured) / max(1, len(measured)), **shortened.counts()}
    return Made({**entries, **distances.encoded(), **shortened.encoded()}, facts)


@step("judgements", 3, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def paint_refined(inputs: JudgementInputs, worker: Worker) -> Made:
    """Payloads ``Judgements`` and ``Shortened``, and each refined caption's painting with the first seed.

    The paintings are ``<image id>/<number>.png``.
    """
    pictures = shard_images(worker.store, inputs.shard)
    written = read_payload(worker.store, inputs.critiques, Critiques).root
    painter = worker.painter(inputs.painting.painter)
    refined = {
        (image, number): text for image in pictures for number, text in enumerate(refined_captions(written[image]))
    }
    fitted = {key: painter.fit(text) for key, text in refined.items()}
    jobs = [(*key, text, seed) for key, text in refined.items() for seed in inputs.painting.noise(key[0])]
    painted = painter.paint([fitted[image, number].text for image, number, *_ in jobs], [seed for *_, seed in jobs])
    measured = worker.judge(inputs.painting.judge).distances([pictures[image] for image, *_ in jobs], painted)
    entries: dict[str, bytes] = {}
    found: dict[str, dict[str, list[float]]] = {image: {} for image in pictures}
    for (image, number, text, _), painting, distance in zip(jobs, painted, measured, strict=True):
        if text not in found[image]:
            entries[f"{image}/{number}{PNG}"] = encode_png(painting)
        found[image].setdefault(text, []).append(distance)
    judgements = Judgements(
        {image: {text: tuple(each) for text, each in texts.items()} for image, texts in found.items()}
    )
    shortened = shortened_of({f"{image}/{number}": one for (image, number), one in fitted.items()})
    return Made(
        {**entries, **judgements.encoded(), **shortened.encoded()}, {"painted": len(jobs), **shortened.counts()}
    )
