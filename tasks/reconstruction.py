"""Image-level reconstruction: the painter paints captions, and what its noise alone makes of them is measured."""

from pydantic import JsonValue

from models.payloads import Captions, Distances, FittedText, Noise, shortened_of
from models.places import noise_unit
from storage.images import encode_png
from tasks.easel import Easel, Painting
from tasks.shards import PNG, read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Shard

NOISE_CAPTIONS = 48
"""Captions that are painted once more to measure the noise: the median of so many hardly moves."""


class PaintingInputs(Inputs):
    """What decides the paintings of a shard's captions and their distances."""

    shard: Shard
    captions: ArtifactRef
    painting: Painting

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"paint shard {self.shard.number}"


class NoiseInputs(Inputs):
    """What decides how much a painter's noise alone changes a painting."""

    captions: ArtifactRef
    """Of one shard."""
    paintings: ArtifactRef
    """Of these captions with the first noise seed."""
    painting: Painting

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return "measure the painter's noise"


@step("paintings", 4, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def paint_captions(inputs: PaintingInputs, worker: Worker) -> Made:
    """Payloads ``Distances`` and ``Shortened``, and ``<image id>.png``, each image's painting with the first seed."""
    pictures = shard_images(worker.store, inputs.shard)
    texts = read_payload(worker.store, inputs.captions, Captions).root
    easel = Easel(worker, inputs.painting)
    fitted: dict[str, FittedText] = {image: easel.fit(texts[image]) for image in pictures}
    painted = easel.paint([(image, fitted[image].text, 0) for image in pictures])
    maps = easel.judge.maps(list(pictures.values()), painted)
    distances = {image: float(one.max()) for image, one in zip(pictures, maps, strict=True)}
    shortened = shortened_of(fitted)
    entries = {f"{image}{PNG}": encode_png(one) for image, one in zip(pictures, painted, strict=True)}
    mean = sum(distances.values()) / max(1, len(distances))
    facts: dict[str, JsonValue] = {"mean_distance": mean, "painted": easel.painted, **shortened.counts()}
    return Made({**entries, **Distances(distances).encoded(), **shortened.encoded()}, facts)


@step("noise", 1, roles=("painter", "judge"), items=lambda inputs, store: NOISE_CAPTIONS)
def measure_noise(inputs: NoiseInputs, worker: Worker) -> Made:
    """Payload ``Noise``: captions are painted once more, with another seed. A caption that could not be read is not."""
    texts = read_payload(worker.store, inputs.captions, Captions).root
    firsts = read_pictures(worker.store, inputs.paintings)
    images = [image for image in sorted(firsts) if texts[image]][:NOISE_CAPTIONS]
    easel = Easel(worker, inputs.painting)
    others = easel.paint([(image, easel.fit(texts[image]).text, 1) for image in images])
    unit = noise_unit(easel.judge.maps([firsts[image] for image in images], others))
    return Made(Noise(unit).encoded(), {"unit": unit, "captions": len(images), "painted": easel.painted})
