"""Holds the embedded VLM while it learns to compare: tells each layer what it should have found by then.

Two pictures differ somewhere; a caption errs somewhere. To say so, a model must look up the counterpart of each part,
compare the two, choose where to speak, and only then speak; a word must find what it names among the cells, a question
the objects that it means. From the words of the answer alone it learns this late, since a difference earns nothing
before both of its sides are found.
So while it learns, small heads read those intermediate results off its hidden states. They are thrown away afterwards;
the model is a plain Qwen2.5-VL.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from models.worlds.shapes.examples import Example
from models.worlds.shapes.grammar import sentences
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, GRID, POSITIONS, Scene, Thing

NOWHERE, IGNORED = GRID * GRID, -100
_PLACE = re.compile("|".join(POSITIONS))


@dataclass(frozen=True)
class Clues:
    """What the scaffold expects of a batch (B, L). A *site* is a token that has a counterpart to look up."""

    sites: Tensor
    """Row and token of each site (N, 2)."""
    of_sentences: Tensor
    """Which sites belong to a sentence of a caption (N,); the others are cells of a second picture."""
    contents: Tensor
    """Classes (N, 6): size, color, shape of the counterpart in the first picture, then of the site itself; 0: nothing
    is there, -100: not known yet."""
    chosen: Tensor
    """The cell of which each token of the answer is to speak (B, L): 9 for none, -100 where it does not matter."""
    questions: Tensor
    """Row and token of each question's end (Q, 2)."""
    meant: Tensor
    """Whether a question means the object in each cell of the first, then of the second picture (Q, 18): 1 or 0,
    -100 where there is no second picture."""
    words: Tensor
    """Row and token of each size, color or shape in a prompt (W, 2)."""
    seen: Tensor
    """Whether the object in each cell is what the word says (W, 18), as in ``meant``."""


def find_clues(
    tokenizer: PreTrainedTokenizerFast, examples: Sequence[Example], input_ids: Tensor, labels: Tensor
) -> Clues:
    """The clues of a batch.

    Args:
        tokenizer: The world's.
        examples: The batch.
        input_ids: Its tokens (B, L).
        labels: The answers' tokens (B, L), -100 elsewhere.
    """
    found, asked, said, chosen = [], [], [], torch.full(input_ids.shape, IGNORED)
    every_word = [word for words in ATTRIBUTE_WORDS.values() for word in words]
    attributes = {tokenizer.convert_tokens_to_ids("▁" + word): word for word in every_word}
    question_mark = tokenizer.convert_tokens_to_ids("?")
    for row, example in enumerate(examples):
        cells = torch.tensor(_chosen_cells(tokenizer, example))
        start = int((labels[row] >= 0).int().argmax()) - 1  # the token before the answer is the first to choose
        chosen[row, start : start + len(cells)] = cells
        found += [(row, *site) for site in _sites(tokenizer, example, input_ids[row].tolist())]
        if example.meant:
            asked.append((row, input_ids[row].tolist().index(question_mark), _flags(example.meant)))
        for token, number in enumerate(input_ids[row, :start].tolist()):
            if example.scenes and (word := attributes.get(number)):
                said.append((row, token, _flags([_cells_with(word, scene) for scene in example.scenes])))
    return Clues(
        sites=torch.tensor([(row, token) for row, token, *_ in found], dtype=torch.long).reshape(-1, 2),
        of_sentences=torch.tensor([of_sentence for _, _, of_sentence, _ in found], dtype=torch.bool),
        contents=torch.tensor([classes for *_, classes in found], dtype=torch.long).reshape(-1, 6),
        chosen=chosen,
        questions=_places(asked),
        meant=torch.tensor([flags for *_, flags in asked], dtype=torch.float).reshape(-1, 2 * NOWHERE),
        words=_places(said),
        seen=torch.tensor([flags for *_, flags in said], dtype=torch.float).reshape(-1, 2 * NOWHERE),
    )


def _places(found: Sequence[tuple[int, int, list[int]]]) -> Tensor:
    return torch.tensor([(row, token) for row, token, _ in found], dtype=torch.long).reshape(-1, 2)


def _flags(cells_by_picture: Sequence[Set[int]]) -> list[int]:
    flags = [int(cell in cells) for cells in cells_by_picture for cell in range(NOWHERE)]
    return flags + [IGNORED] * (2 * NOWHERE - len(flags))


def _cells_with(word: str, scene: Scene) -> set[int]:
    return {thing.cell for thing in scene.things if word in (thing.size, thing.color, thing.shape)}


def _classes(thing: Thing | None) -> list[int]:
    """Size, color and shape by number from 1; zeros for an empty cell."""
    return [words.index(getattr(thing, name)) + 1 if thing else 0 for name, words in ATTRIBUTE_WORDS.items()]


def _chosen_cells(tokenizer: PreTrainedTokenizerFast, example: Example) -> list[int]:
    """The cell of which each token of the answer, and its end, is to speak."""
    cells: list[int] = []
    speaks_of_places = _PLACE.search(example.answer) or (example.named and example.cell is None)
    nowhere = NOWHERE if speaks_of_places else IGNORED
    for sentence in sentences(example.answer):
        place = _PLACE.search(sentence)
        cell = POSITIONS.index(place[0]) if place else nowhere if example.cell is None else example.cell
        cells += [cell] * len(tokenizer(sentence)["input_ids"])
    return [*cells, nowhere]


def _sites(tokenizer: PreTrainedTokenizerFast, example: Example, ids: list[int]) -> list[tuple[int, bool, list[int]]]:
    """Token, whether it is of a sentence, and classes of each site of an example.

    Sites are the second picture's cells, and in each sentence of the caption, or the question, the tokens after the
    place. A sentence's own content is known at its end only.
    """
    if not example.scenes:
        return []
    first, sites = example.scenes[0], list[tuple[int, bool, list[int]]]()
    if len(example.scenes) > 1:
        image_id, second = tokenizer.convert_tokens_to_ids("<|image_pad|>"), example.scenes[1]
        start = [at for at, token in enumerate(ids) if token == image_id][GRID * GRID]
        for cell in range(GRID * GRID):
            sites.append((start + cell, False, _classes(first.at(cell)) + _classes(second.at(cell))))
    words = tokenizer.convert_ids_to_tokens(ids)
    at = 0
    for thing in example.named:
        end = next(number for number in range(at + 1, len(words)) if words[number] in (".", "?"))
        place = words.index("▁" + thing.position.split()[1], at + 1)
        seen = _classes(first.at(thing.cell))
        sites += [(token, True, seen + [IGNORED] * len(seen)) for token in range(place + 1, end)]
        sites.append((end, True, seen + _classes(thing)))
        at = end
    return sites


class Scaffold(nn.Module):
    """The heads. The constants name the layer by which each result shall be there, of six."""

    SEEN, LOOKED_UP_BY_CELL, LOOKED_UP_BY_SENTENCE, COMPARED, FOUND, CHOSEN = 2, 2, 3, 3, 3, 4

    def __init__(self) -> None:
        super().__init__()
        kinds = [len(words) + 1 for words in ATTRIBUTE_WORDS.values()]
        self.contents = nn.ModuleList(nn.Linear(128, kind) for kind in (*kinds, *kinds))
        self.differences = nn.Linear(128, len(kinds))
        self.seen = nn.Linear(128, 2 * NOWHERE)
        self.meant = nn.Linear(128, 2 * NOWHERE)
        self.chosen = nn.Linear(128, NOWHERE + 1)

    def forward(self, states: Sequence[Tensor], clues: Clues) -> Tensor:
        """The loss of all clues, to be added to that of the words.

        Args:
            states: Hidden states (B, L, 128) before the first layer and after each.
            clues: What the heads shall read.
        """
        chosen = self.chosen(states[self.CHOSEN]).flatten(0, 1)
        loss = nn.functional.cross_entropy(chosen, clues.chosen.flatten(), reduction="sum")
        loss = loss / (clues.chosen != IGNORED).sum().clamp(min=1)
        for head, layer, (row, token), truth in (
            (self.seen, self.SEEN, clues.words.T, clues.seen),
            (self.meant, self.FOUND, clues.questions.T, clues.meant),
        ):
            if len(truth):
                known = truth != IGNORED
                read = head(states[layer][row, token])[known]
                # A sum over the cells of a picture: each of them could be the one to find.
                loss = loss + NOWHERE * nn.functional.binary_cross_entropy_with_logits(read, truth[known])
        # Cells are many and easy, sentences are few: each kind has a mean of its own.
        for of_sentences, layer in ((False, self.LOOKED_UP_BY_CELL), (True, self.LOOKED_UP_BY_SENTENCE)):
            kind = clues.of_sentences == of_sentences
            if kind.any():
                row, token = clues.sites[kind].T
                loss = loss + self._of_sites(states[layer][row, token], states[self.COMPARED][row, token], clues, kind)
        return loss

    def _of_sites(self, looked_up: Tensor, compared: Tensor, clues: Clues, kind: Tensor) -> Tensor:
        classes, half = clues.contents[kind], clues.contents.shape[1] // 2
        known = classes != IGNORED
        weight = torch.where(classes > 0, 1.0, 0.3) * known
        loss = looked_up.new_zeros(())
        for i, head in enumerate(self.contents):
            each = nn.functional.cross_entropy(head(looked_up), classes[:, i], reduction="none", ignore_index=IGNORED)
            loss = loss + (each * weight[:, i]).sum() / known[:, i].sum() / len(self.contents)
        whole = known.all(1)
        differs = (classes[whole, :half] != classes[whole, half:]).float()
        return loss + nn.functional.binary_cross_entropy_with_logits(self.differences(compared[whole]), differs)
