"""Every correction by itself: the caption is painted with it, and the paintings with and without it are compared."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.nothing import says_nothing
from models.payloads import Captions, Critique, Critiques, Judgements, Noise, Verdict, shortened_of
from models.places import Gain, gain_in, mean_gain, region_of
from models.selfcritique import (
    ACCEPTED,
    CritiqueRules,
    Decision,
    best_first,
    is_open,
    judge_correction,
    only_closest,
    unfiltered,
)
from models.unread import NOT_PAINTED
from storage.images import encode_png
from tasks.easel import Easel, Painting
from tasks.shards import PNG, read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Shard

if TYPE_CHECKING:
    from PIL.Image import Image

Said = tuple[str, str]
"""An image and a correction of its caption."""


class JudgementInputs(Inputs):
    """What decides which corrections of a shard's captions stand by themselves."""

    shard: Shard
    captions: ArtifactRef
    paintings: ArtifactRef
    critiques: ArtifactRef
    noise: ArtifactRef
    painting: Painting
    """The same as the first captions'."""
    seeds: int
    """Noise seeds that a caption is painted with at most."""
    rules: CritiqueRules

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"judge corrections of shard {self.shard.number}"


@step("judgements", 5, roles=("painter", "judge"), items=lambda inputs, store: shard_size(store, inputs.shard))
def judge_corrections(inputs: JudgementInputs, worker: Worker) -> Made:
    """Payloads ``Judgements`` and ``Shortened``, and each corrected caption's painting with the first seed.

    The paintings are ``<image id>/<number>.png``, by the number of the correction among the image's. A second seed is
    painted only where the first leaves the decision open; nothing is painted of a correction that the painter does not
    read. Facts: how many were painted, and how many all would be.
    """
    store = worker.store
    written = read_payload(store, inputs.critiques, Critiques).root
    if not inputs.rules.enabled:
        return Made({**_taken(written).encoded(), **shortened_of({}).encoded()}, {"painted": 0, "all": 0})
    comparison = _Comparison(inputs, worker)
    named = {f"{image}/{at}": (image, one) for image, each in written.items() for at, one in enumerate(each)}
    refined = {name: (image, one) for name, (image, one) in named.items() if one.refined}
    shown = {name: (image, one) for name, (image, one) in refined.items() if comparison.shows(image, one)}
    asked = {(image, one.refinements): one for image, one in shown.values()}
    verdicts: dict[str, dict[str, Verdict]] = {image: {} for image in written}
    for image, one in refined.values():
        verdicts[image][one.refinements] = Verdict(kept=False, reason=NOT_PAINTED, samples=one.samples)
    for (image, sentence), found in _gains(comparison, asked, inputs).items():
        samples = asked[image, sentence].samples
        verdicts[image][sentence] = _verdict(samples, found, judge_correction(samples, found, inputs.rules))
    if inputs.rules.unit == "critique":
        verdicts = {image: only_closest(each, comparison.away(image, each, asked)) for image, each in verdicts.items()}
    pictures = comparison.paint([(image, one.refined) for image, one in shown.values()], 0)
    entries = {f"{name}{PNG}": encode_png(picture) for name, picture in zip(shown, pictures, strict=True)}
    shortened = shortened_of({name: comparison.easel.fit(one.refined) for name, (_, one) in refined.items()})
    texts = {(image, one.refined) for image, one in shown.values()}
    everything = inputs.seeds * len(texts) + (inputs.seeds - 1) * len({image for image, _ in texts})
    facts = {"painted": comparison.easel.painted, "all": everything, **shortened.counts()}
    return Made({**entries, **Judgements(verdicts).encoded(), **shortened.encoded()}, facts)


class _Comparison:
    """Paintings of a shard's captions with and without corrections, beside their originals."""

    def __init__(self, inputs: JudgementInputs, worker: Worker) -> None:
        self.easel = Easel(worker, inputs.painting)
        self._pictures = shard_images(worker.store, inputs.shard)
        self._captions = read_payload(worker.store, inputs.captions, Captions).root
        self._unit = read_payload(worker.store, inputs.noise, Noise).root
        for image, picture in read_pictures(worker.store, inputs.paintings).items():
            self.easel.keep((image, self.easel.fit(self._captions[image]).text, 0), picture)

    def shows(self, image: str, one: Critique) -> bool:
        """Whether the painter reads all that a correction changes in the image's caption."""
        return self.easel.shows_change(self._captions[image], one.refined)

    def paint(self, texts: Sequence[tuple[str, str]], number: int) -> "list[Image]":
        """Paintings of texts for images with one of the noise seeds."""
        return self.easel.paint([(image, self.easel.fit(text).text, number) for image, text in texts])

    def gains(self, said: Sequence[Said], asked: Mapping[Said, Critique], number: int) -> list[Gain]:
        """What each correction gains where it speaks, with one of the noise seeds."""
        judge, images = self.easel.judge, [image for image, _ in said]
        originals = [self._pictures[image] for image in images]
        # One call, so that the batches are full.
        both = [(image, self._captions[image]) for image in images] + [(one[0], asked[one].refined) for one in said]
        painted = self.paint(both, number)
        without, corrected = painted[: len(said)], painted[len(said) :]
        maps = zip(
            judge.maps(without, corrected),
            judge.maps(originals, without),
            judge.maps(originals, corrected),
            strict=True,
        )
        return [gain_in(region_of(change), before, after, self._unit) for change, before, after in maps]

    def away(self, image: str, verdicts: Mapping[str, Verdict], asked: Mapping[Said, Critique]) -> dict[str, float]:
        """What the painting with each correction that stands is away from the image, in the mean over all places."""
        standing = best_first(verdicts)
        painted = self.paint([(image, asked[image, said].refined) for said in standing], 0)
        maps = self.easel.judge.maps([self._pictures[image]] * len(painted), painted) if painted else []
        return {said: float(found.mean()) for said, found in zip(standing, maps, strict=True)}


def _gains(comparison: _Comparison, asked: Mapping[Said, Critique], inputs: JudgementInputs) -> dict[Said, list[Gain]]:
    """What each correction gains, with each noise seed that was painted."""
    gains: dict[Said, list[Gain]] = {said: [] for said in asked}
    left = list(asked)
    for number in range(inputs.seeds):
        for said, gain in zip(left, comparison.gains(left, asked, number), strict=True):
            gains[said].append(gain)
        left = [said for said in left if is_open(asked[said].samples, gains[said], inputs.rules)]
    return gains


def _verdict(samples: int, gains: Sequence[Gain], decision: Decision) -> Verdict:
    gain = mean_gain(gains)
    return Verdict(
        kept=decision.kept,
        reason=decision.reason,
        gain=gain.closer,
        explained=gain.explained,
        samples=samples,
        paintings=len(gains),
    )


def _taken(written: Mapping[str, Sequence[Critique]]) -> Judgements:
    """Verdicts without a filter."""
    return Judgements(
        {
            image: {
                one.refinements: Verdict(kept=True, reason=ACCEPTED, samples=one.samples)
                for one in unfiltered(each)
                if not says_nothing(one.refinements)
            }
            for image, each in written.items()
        }
    )
