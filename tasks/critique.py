"""Self-critique: the VLM compares image and painting and says what must be corrected, several times.

What the draws say is taken apart: every distinct correction is carried into the caption by itself, so that it can be
judged by itself, whoever said it. An ablation puts each draw's corrections together again, to be judged as a whole.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.nothing import says_nothing
from models.payloads import Captions, Critique, Critiques
from models.selfcritique import read_critique
from models.sentences import join_sentences, split_sentences
from models.tries import Tries, Unusable, ask
from tasks.rewriting import Rewriting, Wanted, rewrite
from tasks.shards import read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Seed, Shard, VlmUse

NO_CAPTION = "caption could not be read"


class CritiqueInputs(Inputs):
    """What decides the critiques of a shard's paintings."""

    vlm: VlmUse
    prompt: str
    """With the blank ``{caption}``."""
    rewriting: Rewriting
    shard: Shard
    captions: ArtifactRef
    paintings: ArtifactRef
    critiques: int
    """Draws a painting."""
    temperature: float
    """Of critiques, and of captions that are rewritten once more; the first time they are greedy."""
    tries: int
    """Replies to one prompt, until one can be used."""
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"critique shard {self.shard.number}"


@step("critiques", 7, roles=("vlm",), items=lambda inputs, store: shard_size(store, inputs.shard))
def critique_paintings(inputs: CritiqueInputs, worker: Worker) -> Made:
    """Payload ``Critiques``: the distinct corrections of each image, and the captions rewritten by each.

    Facts: how many corrections there are, and how many replies were asked for again.
    """
    from models.prompt_reader import Prompt

    writer = worker.vlm(inputs.vlm)
    pictures, painted = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.paintings)
    captions = read_payload(worker.store, inputs.captions, Captions).root
    shown = {
        image: Prompt(inputs.prompt.format(caption=captions[image]), (pictures[image], painted[image]))
        for image in pictures
        if captions[image]
    }
    prompts = {f"{image}/{draw}": prompt for image, prompt in shown.items() for draw in range(inputs.critiques)}
    replies, again = ask(writer, prompts, lambda _, reply: read_critique(reply), _tries(inputs, inputs.temperature))
    said = {image: [replies[f"{image}/{draw}"] for draw in range(inputs.critiques)] for image in shown}
    drawn = {image: sentences_of(each) for image, each in said.items()}
    wanted = [(image, text) for image, each in drawn.items() for text in each if not says_nothing(text)]
    rewritten, more = rewrite(inputs.rewriting, writer, captions, wanted, _tries(inputs, 0.0))
    found = {
        image: _critiques(image, drawn[image], said[image], rewritten)
        if image in shown
        else (Critique(refinements="", refined="", draws=tuple(range(inputs.critiques)), unusable=NO_CAPTION),)
        for image in pictures
    }
    facts = {"critiques": sum(map(len, found.values())), "asked_again": again + more}
    return Made(Critiques(found).encoded(), facts)


class WholeInputs(Inputs):
    """What decides the critiques of a shard where each draw is judged as a whole."""

    drawn: CritiqueInputs
    """How they were drawn; captions are rewritten in the same way."""
    critiques: ArtifactRef
    """What was said, sentence by sentence."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"take critiques of shard {self.drawn.shard.number} as a whole"


@step("whole", 1, roles=("vlm",), items=lambda inputs, store: shard_size(store, inputs.drawn.shard))
def take_whole(inputs: WholeInputs, worker: Worker) -> Made:
    """Payload ``Critiques``: all that a draw said as one correction, and the captions rewritten by each draw.

    Facts: as for ``critique_paintings``.
    """
    captions = read_payload(worker.store, inputs.drawn.captions, Captions).root
    written = read_payload(worker.store, inputs.critiques, Critiques).root
    said = {image: whole_draws(each) for image, each in written.items()}
    wanted = [(image, text) for image, each in said.items() for text in each if not says_nothing(text)]
    how, writer = _tries(inputs.drawn, 0.0), worker.vlm(inputs.drawn.vlm)
    rewritten, again = rewrite(inputs.drawn.rewriting, writer, captions, wanted, how)
    found = {
        image: _critiques(image, said[image], (), rewritten) + tuple(one for one in each if not one.refinements)
        for image, each in written.items()
    }
    return Made(Critiques(found).encoded(), {"critiques": sum(map(len, found.values())), "asked_again": again})


def whole_draws(critiques: Sequence[Critique]) -> dict[str, list[int]]:
    """By all that a draw said, in the order in which it was said first by any, the draws that said so."""
    said: dict[int, list[str]] = defaultdict(list)
    for one in critiques:
        for draw in one.draws if one.refinements else ():
            said[draw].append(one.refinements)
    found: dict[str, list[int]] = defaultdict(list)
    for draw, sentences in sorted(said.items()):
        found[join_sentences(sentences)].append(draw)
    return dict(found)


def _tries(inputs: CritiqueInputs, temperature: float) -> Tries:
    return Tries(
        most=inputs.tries,
        temperature=temperature,
        again=inputs.temperature,
        seed=inputs.seed,
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
    )


def sentences_of(replies: Sequence[str | Unusable]) -> dict[str, list[int]]:
    """By sentence the draws that said it, in the order in which they were said first.

    A reply that says that nothing is to correct is one sentence. One that corrects something says nothing else.
    """
    found: dict[str, list[int]] = defaultdict(list)
    for draw, reply in enumerate(replies):
        if isinstance(reply, str):
            sentences = [one for one in split_sentences(reply) if not says_nothing(one)]
            for one in dict.fromkeys([reply] if says_nothing(reply) else sentences):
                found[one].append(draw)
    return dict(found)


@dataclass
class _Wordings:
    """Sentences that rewrite a caption alike, with the draws that said each."""

    draws: dict[str, list[int]] = field(default_factory=dict)

    def critique(self, rewritten: str | Unusable) -> Critique:
        """As one correction, in the commonest words."""
        said = {draw for draws in self.draws.values() for draw in draws}
        failed = isinstance(rewritten, Unusable)
        return Critique(
            refinements=max(self.draws, key=lambda one: len(self.draws[one])),
            refined="" if failed else str(rewritten),
            draws=tuple(sorted(said)),
            unusable=rewritten.reason if isinstance(rewritten, Unusable) else "",
        )


def _critiques(
    image: str,
    drawn: Mapping[str, list[int]],
    replies: Sequence[str | Unusable],
    rewritten: Mapping[Wanted, str | Unusable],
) -> tuple[Critique, ...]:
    """What was said of one image: corrections, that nothing is to correct, and why replies could not be used."""
    alike: dict[str | Unusable, _Wordings] = {}
    for sentence, draws in drawn.items():
        result = "" if says_nothing(sentence) else rewritten[image, sentence]
        # What could not be rewritten is told apart by its words.
        wording = alike.setdefault(
            result if isinstance(result, str) else Unusable(f"{result.reason}: {sentence}"), _Wordings()
        )
        wording.draws[sentence] = draws
    found = []
    for result, wording in alike.items():
        (first, *_) = wording.draws
        found.append(wording.critique(rewritten[image, first] if isinstance(result, Unusable) else result))
    unusable: dict[str, list[int]] = defaultdict(list)
    for draw, reply in enumerate(replies):
        if isinstance(reply, Unusable):
            unusable[reply.reason].append(draw)
    found += [
        Critique(refinements="", refined="", draws=tuple(draws), unusable=reason) for reason, draws in unusable.items()
    ]
    return tuple(found)
