"""Trains the embedded sentence-similarity model: paraphrases close, one-attribute changes far.

General embeddings call "make it blue" and "make it green" the same sentence; the reward needs a judge that does not.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from models.worlds.shapes import grammar
from models.worlds.shapes.grammar import OPERATION_KINDS, RECAST, Correction, Operation, with_word
from models.worlds.shapes.progress import Progress
from models.worlds.shapes.scene import ATTRIBUTE_WORDS, GRID, Attribute, Thing, sample_thing
from models.worlds.shapes.tokenizer import make_tokenizer

BATCH = 96
HIDDEN = 64
_CLOSE, _FAR = 0.95, 0.70
_MAX_TOKENS = 32

Fact = Thing | Correction | Operation
_ATTRIBUTES: tuple[Attribute, ...] = ("size", "color", "shape")


def _other(rng: np.random.Generator, words: tuple[str, ...], *taken: str) -> str:
    left = [word for word in words if word not in taken]
    return left[int(rng.integers(len(left)))]


def _other_cell(rng: np.random.Generator, *taken: int) -> int:
    left = [cell for cell in range(GRID * GRID) if cell not in taken]
    return left[int(rng.integers(len(left)))]


def draw_fact(rng: np.random.Generator) -> Fact:
    """A caption fact, a correction or an operation, equally likely."""
    kind, cell = int(rng.integers(3)), int(rng.integers(GRID * GRID))
    thing = sample_thing(rng, cell)
    if kind == 0:
        return thing
    if kind == 1:
        correction = int(rng.choice(3, p=[0.7, 0.2, 0.1]))
        if correction == 0:
            attribute = _ATTRIBUTES[int(rng.integers(3))]
            new = getattr(thing, attribute)
            return Correction("attribute", cell, attribute, _other(rng, ATTRIBUTE_WORDS[attribute], new), new)
        return Correction("missing", cell, thing=thing) if correction == 1 else Correction("extra", cell)
    operation = OPERATION_KINDS[int(rng.integers(len(OPERATION_KINDS)))]
    word = getattr(thing, RECAST[operation]) if operation in RECAST else ""
    target = _other_cell(rng, cell) if operation == "move" else None
    return Operation(operation, cell, word, thing if operation == "add" else None, target)


def _change_thing(thing: Thing, rng: np.random.Generator) -> Thing:
    slot = int(rng.integers(4))
    if slot == 3:
        return Thing(_other_cell(rng, thing.cell), thing.size, thing.color, thing.shape)
    attribute = _ATTRIBUTES[slot]
    return with_word(thing, attribute, _other(rng, ATTRIBUTE_WORDS[attribute], getattr(thing, attribute)))


def change_one(fact: Fact, rng: np.random.Generator) -> Fact:
    """The fact with exactly one slot changed: a word or a position."""
    if isinstance(fact, Thing):
        return _change_thing(fact, rng)
    if fact.thing is not None:
        thing = _change_thing(fact.thing, rng)
        if isinstance(fact, Correction):
            return Correction("missing", thing.cell, thing=thing)
        return Operation("add", thing.cell, thing=thing)
    if isinstance(fact, Correction):
        slot = int(rng.integers(3)) if fact.attribute else 0
        if slot == 0 or fact.attribute is None:
            return Correction(fact.kind, _other_cell(rng, fact.cell), fact.attribute, fact.old, fact.new)
        words = ATTRIBUTE_WORDS[fact.attribute]
        if len(words) == 2:
            return Correction(fact.kind, fact.cell, fact.attribute, fact.new, fact.old)
        old = _other(rng, words, fact.old, fact.new) if slot == 1 else fact.old
        new = _other(rng, words, fact.old, fact.new) if slot == 2 else fact.new
        return Correction(fact.kind, fact.cell, fact.attribute, old, new)
    if fact.kind == "move" and fact.target is not None:
        if rng.random() < 0.5:
            return Operation("move", _other_cell(rng, fact.cell, fact.target), target=fact.target)
        return Operation("move", fact.cell, target=_other_cell(rng, fact.cell, fact.target))
    if fact.kind in RECAST and rng.random() < 0.6:
        return Operation(fact.kind, fact.cell, _other(rng, ATTRIBUTE_WORDS[RECAST[fact.kind]], fact.word))
    return Operation(fact.kind, _other_cell(rng, fact.cell), fact.word)


def say(fact: Fact, rng: np.random.Generator) -> str:
    """One phrasing of a fact."""
    if isinstance(fact, Thing):
        return grammar.say_thing(fact, rng)
    return grammar.say_correction(fact, rng) if isinstance(fact, Correction) else grammar.say_operation(fact, rng)


def say_twice(fact: Fact, rng: np.random.Generator) -> tuple[str, str]:
    """Two different phrasings of a fact."""
    first = second = say(fact, rng)
    while second == first:
        second = say(fact, rng)
    return first, second


def _nothing(rng: np.random.Generator) -> tuple[str, str]:
    return grammar.NOTHING_TO_CORRECT if rng.random() < 0.5 else grammar.NOTHING_TO_CORRECT[::-1]


def _loss(anchor: Tensor, close: Tensor, far: Tensor) -> Tensor:
    """InfoNCE over the batch and the hard negatives, plus margins on both sides of the reward's threshold."""
    logits = 20 * anchor @ torch.cat([close, far]).T  # (B, 2B)
    contrast = nn.functional.cross_entropy(logits, torch.arange(len(anchor)))
    near, wrong = (anchor * close).sum(-1), (anchor * far).sum(-1)
    return contrast + 10 * (nn.functional.relu(_CLOSE - near).mean() + nn.functional.relu(wrong - _FAR).mean())


def train_similarity(work: Path, folder: Path, seed: int, steps: int) -> dict[str, float]:
    """Train and save a SentenceTransformer folder. Returns figures (last loss, seconds)."""
    torch.manual_seed(seed + 6)
    tokenizer = make_tokenizer(_MAX_TOKENS)
    bert = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=4 * HIDDEN,
            max_position_embeddings=_MAX_TOKENS,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=tokenizer.pad_token_id,
        ),
        add_pooling_layer=False,
    )
    optimizer = torch.optim.AdamW(bert.parameters(), lr=2e-3, weight_decay=0.01)
    embed = _embedder(tokenizer, bert)
    figures = {"loss": float("nan")}

    def step_once(step: int) -> dict[str, float]:
        rng = np.random.default_rng([seed, 6, step])
        facts = [draw_fact(rng) for _ in range(BATCH - 1)]
        pairs = [*(say_twice(fact, rng) for fact in facts), _nothing(rng)]
        far = [*(say(change_one(fact, rng), rng) for fact in facts), say(draw_fact(rng), rng)]
        texts = [first for first, _ in pairs] + [second for _, second in pairs] + far
        loss = _loss(*embed(texts).split(BATCH))
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * min(1.0, (steps - step) / (0.5 * steps))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(bert.parameters(), 1.0)
        optimizer.step()
        figures["loss"] = loss.item()
        return figures

    progress = Progress(work / "similarity.safetensors", {"bert": bert}, [optimizer], {"seed": seed, "steps": steps})
    progress.run(steps, step_once)
    _save(bert, tokenizer, work / "bert", folder)
    return {**figures, "seconds": progress.seconds}


def _embedder(tokenizer: object, bert: BertModel) -> Callable[[list[str]], Tensor]:
    def embed(texts: list[str]) -> Tensor:
        batch = tokenizer(texts, padding=True, return_tensors="pt")  # type: ignore[operator]
        mask = batch["attention_mask"]
        states = bert(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(mean, dim=-1)

    return embed


def _save(bert: BertModel, tokenizer: object, plain: Path, folder: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    bert.save_pretrained(plain)
    tokenizer.save_pretrained(plain)  # type: ignore[attr-defined]
    modules = [Transformer(str(plain), max_seq_length=_MAX_TOKENS), Pooling(HIDDEN, "mean"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)


def measure(folder: Path, seed: int, count: int, threshold: float = 0.85) -> dict[str, dict[str, float]]:
    """Share of paraphrases and of one-attribute changes that pass the threshold, by kind of sentence."""
    model = SentenceTransformer(str(folder), device="cpu")
    rng = np.random.default_rng([seed, 7])
    facts: dict[str, list[Fact]] = {"caption": [], "refinement": [], "operation": []}
    while any(len(kept) < count for kept in facts.values()):
        fact = draw_fact(rng)
        kind = "caption" if isinstance(fact, Thing) else "refinement" if isinstance(fact, Correction) else "operation"
        facts[kind].append(fact)
    table = {}
    for kind, kept in facts.items():
        pairs = [say_twice(fact, rng) for fact in kept[:count]]
        changed = [say(change_one(fact, rng), rng) for fact in kept[:count]]
        first, second, far = (
            model.encode(texts, batch_size=256) for texts in ([a for a, _ in pairs], [b for _, b in pairs], changed)
        )
        table[kind] = {
            "paraphrases accepted": float(((first * second).sum(-1) > threshold).mean()),
            "one-attribute changes accepted": float(((first * far).sum(-1) > threshold).mean()),
        }
    return table
