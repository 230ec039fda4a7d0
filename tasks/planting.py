"""Wrong sentences planted into critiques, to see what the judge is worth where they are bad. For ablations alone."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.nothing import says_nothing
from models.observer import Observer
from models.payloads import Captions, Critique, Critiques
from models.sentences import join_sentences, split_sentences
from models.worlds import find_world
from models.worlds.world import Rules
from tasks.shards import read_payload, shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.errors import PoolError
from viper.records import ArtifactRef, Seed, Shard


class PlantInputs(Inputs):
    """What decides which sentences of a shard's critiques are replaced, and by what."""

    world: str
    version: int
    """Of the world's rules."""
    shard: Shard
    captions: ArtifactRef
    critiques: ArtifactRef
    share: float
    """Of the sentences of every draw, in (0, 1]."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"plant wrong sentences into critiques of shard {self.shard.number}"


@step("planted", 2)
def plant_wrong_sentences(inputs: PlantInputs, worker: Worker) -> Made:
    """Payload ``Critiques``: those that were drawn, a share of whose sentences is replaced by wrong ones.

    "Nothing to correct" is a sentence, too. Every draw is treated by itself. Facts: how many sentences there
    are, and how many of them are planted.

    Raises:
        PoolError: Nobody knows what the world's pictures show.
    """
    world = find_world(inputs.world)
    rules, observer = world.need_rules(), world.observer
    if observer is None:
        raise PoolError(
            f"What is wrong of pictures of the world {inputs.world!r} is not known, so nothing can be planted."
        )
    pictures = shard_images(worker.store, inputs.shard)
    captions = read_payload(worker.store, inputs.captions, Captions).root
    found: dict[str, tuple[Critique, ...]] = {}
    facts = {"sentences": 0, "planted": 0}
    for image, critiques in read_payload(worker.store, inputs.critiques, Critiques).root.items():
        said, picture = [], np.asarray(pictures[image])
        for number, one in enumerate(_draws(critiques)):
            rng = np.random.default_rng(inputs.seed.of(f"{image}/{number}"))
            sentences, planted = _replaced(one, captions[image], picture, observer, inputs.share, rng)
            facts = {"sentences": facts["sentences"] + len(sentences), "planted": facts["planted"] + planted}
            said.append(_rewritten(captions[image], sentences, one.draws, rules) if planted else one)
        found[image] = _gathered(said)
    return Made(Critiques(found).encoded(), dict(facts))


def _draws(critiques: tuple[Critique, ...]) -> Iterator[Critique]:
    for one in critiques:
        yield from (one.model_copy(update={"draws": (draw,)}) for draw in one.draws)


def _replaced(
    critique: Critique,
    caption: str,
    picture: NDArray[np.uint8],
    observer: Observer,
    share: float,
    rng: np.random.Generator,
) -> tuple[list[str], int]:
    """The sentences of a draw, and how many of them were planted."""
    sentences = split_sentences(critique.refinements)
    chosen = [number for number in range(len(sentences)) if rng.random() < share]
    for number in chosen:
        sentences[number] = observer.wrong_correction(picture, caption, rng)
    return sentences, len(chosen)


def _rewritten(caption: str, sentences: list[str], draws: tuple[int, ...], rules: Rules) -> Critique:
    text = join_sentences([sentence for sentence in sentences if not says_nothing(sentence)])
    return Critique(refinements=text, refined=rules.rewrite(caption, text), draws=draws)


def _gathered(said: list[Critique]) -> tuple[Critique, ...]:
    """Equal ones as one critique, with all draws that said it, in the order in which they came first."""
    alike: dict[tuple[str, str], list[Critique]] = {}
    for one in said:
        alike.setdefault((one.refinements, one.unusable), []).append(one)
    return tuple(
        each[0].model_copy(update={"draws": tuple(sorted({draw for one in each for draw in one.draws}))})
        for each in alike.values()
    )
