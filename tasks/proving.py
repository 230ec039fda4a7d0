"""What stands of an image is painted together: whether each correction still helps beside the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.payloads import Critique, Noise, Union
from models.places import Map, differing, gain_in, region_of, residual
from models.selfcritique import NOT_TOGETHER, CritiqueRules
from models.unread import NOT_PAINTED
from tasks.easel import Easel, Painting
from tasks.shards import read_payload, read_pictures, shard_images
from tasks.step import Inputs
from tasks.worker import Worker
from viper.records import ArtifactRef, Shard

if TYPE_CHECKING:
    from PIL.Image import Image


class CritiqueFilterInputs(Inputs):
    """What decides which corrections of a shard's captions are kept."""

    rules: CritiqueRules
    shard: Shard
    captions: ArtifactRef
    paintings: ArtifactRef
    critiques: ArtifactRef
    judgements: ArtifactRef
    unions: ArtifactRef
    noise: ArtifactRef
    painting: Painting
    """The same as the first captions'."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"filter critiques of shard {self.shard.number}"


@dataclass(frozen=True)
class Proof:
    """What stands of one image."""

    sentences: tuple[str, ...]
    refined: str
    """The caption rewritten by them."""
    first: float
    """What the first caption's painting is away from the image where it is farthest, in units of noise."""
    last: float
    """The same of the caption that stands."""
    differs: tuple[int, ...] = ()
    """Regions of the grid in which its painting is farther from the image than is accepted."""
    others: str = NOT_TOGETHER
    """Why other corrections, which stand by themselves, are not among them."""


def prove(
    inputs: CritiqueFilterInputs,
    captions: Mapping[str, str],
    written: Mapping[str, Sequence[Critique]],
    unions: Mapping[str, Union],
    worker: Worker,
) -> tuple[dict[str, Proof], int]:
    """What stands of each image, and how many paintings that took."""
    easel, unit = Easel(worker, inputs.painting), read_payload(worker.store, inputs.noise, Noise).root
    pictures, firsts = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.paintings)
    alone = read_pictures(worker.store, inputs.judgements)
    refined = {(image, one.refinements): one.refined for image, each in written.items() for one in each}
    shown: dict[str, dict[str, Image]] = {image: {} for image in captions}
    for image, each in written.items():
        easel.keep((image, easel.fit(captions[image]).text, 0), firsts[image])
        for number, one in enumerate(each):
            if picture := alone.get(f"{image}/{number}"):
                shown[image][one.refinements] = picture
                easel.keep((image, easel.fit(one.refined).text, 0), picture)
    judged = {image: one.refined for image, one in unions.items() if one.refined and inputs.rules.enabled}
    together = [image for image, text in judged.items() if easel.shows_change(captions[image], text)]
    painted = easel.paint([(image, easel.fit(unions[image].refined).text, 0) for image in together])
    proofs: dict[str, Proof] = {}
    whole = dict(zip(together, painted, strict=True))
    for image in captions:
        union = unions.get(image)
        looked = _Looked(easel, pictures[image], firsts[image], unit, inputs.rules)
        if union is None:
            proofs[image] = looked.proof((), captions[image], firsts[image])
        elif not inputs.rules.enabled:
            proofs[image] = looked.proof(union.sentences if union.refined else (), union.refined, firsts[image])
        elif image in whole and looked.hold_together(union.sentences, shown[image], whole[image]):
            proofs[image] = looked.proof(union.sentences, union.refined, whole[image])
        else:
            best = union.sentences[-1]
            others = NOT_PAINTED if image in judged.keys() - whole.keys() else NOT_TOGETHER
            proofs[image] = looked.proof((best,), refined[image, best], shown[image][best], others)
    return proofs, easel.painted


class _Looked:
    """The paintings of one image beside it."""

    def __init__(self, easel: Easel, original: "Image", first: "Image", unit: float, rules: CritiqueRules) -> None:
        self._judge, self._original, self._first = easel.judge, original, first
        self._unit, self._rules = unit, rules

    def proof(self, stands: tuple[str, ...], refined: str, painting: "Image", others: str = NOT_TOGETHER) -> Proof:
        """The proof of a caption, and the painting that it was told by."""
        first, last = self._map(self._original, self._first), self._map(self._original, painting)
        differs = differing(last, self._unit, self._rules.max_residual_noise) if self._rules.enabled else ()
        return Proof(stands, refined, residual(first, self._unit), residual(last, self._unit), differs, others)

    def hold_together(self, sentences: Sequence[str], alone: "Mapping[str, Image]", whole: "Image") -> bool:
        """Whether each correction still helps in the painting of all, also over each other that speaks of its place."""
        if len(sentences) == 1:
            return True
        before, after = self._map(self._original, self._first), self._map(self._original, whole)
        regions = {one: region_of(self._map(self._first, alone[one])) for one in sentences}
        for one in sentences:
            region = regions[one]
            rivals = [other for other in sentences if other != one and (regions[other] & region).any()]
            bases = [before, *(self._map(self._original, alone[other]) for other in rivals)]
            if any(gain_in(region, base, after, self._unit).closer <= 0 for base in bases):
                return False
            if gain_in(region, before, after, self._unit).closer < self._rules.min_gain_noise:
                return False
        return True

    def _map(self, one: "Image", other: "Image") -> Map:
        (found,) = self._judge.maps([one], [other])
        return found
