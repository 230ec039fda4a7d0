"""Bytes that a step with a vision-language model holds at its peak, by part.

The arithmetic follows the code that runs: answers are written by batches over a cache that grows token by token; a
training samples all rollouts of a process together where prompts are shared (``models.shared_prefix``), keeps the
patches of every rollout until the next batch is there, and recomputes layers in the backward pass on accelerators.
Limits count, not averages: a peak is reached when replies are as long as they may be. Two training steps that were
measured on an H200 (``tests.gpu.measure``) lie within 3 % of it, see ``tests/unit/models/test_sizes.py``.
"""

from models.sizes.language import VlmShape
from viper.records import Record
from viper.settings import GrpoStage, SftStage, Stage, TrainingSettings

ADAM_BYTES = 8
"""Of a number that learns: two moments in 32 bits (arXiv 1412.6980)."""
GRADIENT_BYTES = 4
MASTER_BYTES = 4
"""What learns has 32 bits."""


class Parts(Record):
    """Bytes by what they are for."""

    weights: int = 0
    optimizer: int = 0
    """Gradients, and the optimizer's moments."""
    activations: int = 0
    """What is computed on the way, with the pictures' patches."""
    cache: int = 0
    """Keys and values of what was read and written."""
    runtime: int = 0
    """The process itself: libraries, and the context of an accelerator."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.optimizer + self.activations + self.cache + self.runtime

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})


class Asked(Record):
    """How long prompts and replies are, in tokens, at most."""

    text: int
    """Of a prompt, without its pictures."""
    pictures: int
    """Of all pictures of a prompt together."""
    reply: int

    @property
    def prompt(self) -> int:
        """Of a whole prompt."""
        return self.text + self.pictures


def answering(shape: VlmShape, width: int, batch: int, asked: Asked) -> Parts:
    """Cache and activations of one batch of prompts and their replies.

    Args:
        shape: Of the model.
        width: Bytes of a number.
        batch: Prompts a pass.
        asked: Their tokens.
    """
    return Parts(
        cache=_cache(shape, width, batch * (asked.prompt + asked.reply)),
        activations=_patches(shape, width, batch * asked.pictures)
        + max(_reading(shape, width, batch * asked.prompt, batch * asked.pictures), _writing(shape, width, batch)),
    )


def training(
    shape: VlmShape, width: int, learning: int, layers: int, stage: Stage, settings: TrainingSettings, asked: Asked,
    processes: int, recomputes: bool,
) -> Parts:  # fmt: skip
    """A training process of a stage, with its weights and its optimizer.

    Args:
        shape: Of the model.
        width: Bytes of a number of the weights that do not learn, and of what is computed.
        learning: Parameters that learn.
        layers: Layers of the language model through which gradients go.
        stage: Its sizes.
        settings: Method, and whether prompts are shared.
        asked: Tokens of a prompt and of a rollout.
        processes: That share a step.
        recomputes: Whether layers are recomputed in the backward pass, as on accelerators.
    """
    full = settings.method == "full"
    weights = shape.parameters * MASTER_BYTES if full else shape.parameters * width + learning * MASTER_BYTES
    # Where all weights learn, autocast keeps a copy of them in the format that is computed in.
    copied = learning * width if full and width < MASTER_BYTES else 0
    sharded = settings.sharding != "none" and processes > 1
    shares = processes if sharded else 1
    held = Parts(weights=weights // shares, optimizer=learning * (GRADIENT_BYTES + ADAM_BYTES) // shares + copied)
    if sharded:  # whole while rollouts are sampled (``models.sharding``), which bounds the few layers of an update
        held += Parts(weights=weights)
    if isinstance(stage, SftStage):
        tokens = stage.micro_batch * (asked.prompt + asked.reply)
        scores = tokens * shape.vocabulary * (width + 4)
        pictures = _patches(shape, MASTER_BYTES, stage.micro_batch * asked.pictures)
        return held + Parts(activations=pictures + scores + _updating(shape, width, layers, tokens, recomputes))
    return held + _grpo(shape, width, layers, stage, settings, asked, processes, recomputes)


def _grpo(
    shape: VlmShape, width: int, layers: int, stage: GrpoStage, settings: TrainingSettings, asked: Asked,
    processes: int, recomputes: bool,
) -> Parts:  # fmt: skip
    """What comes and goes in a step: rollouts are sampled, then scored and learned from."""
    rollouts = max(stage.micro_batch, stage.prompts_per_step * stage.generations // processes)
    shared = settings.shared_prefix and shape.shared_prefix
    together = rollouts if shared else stage.micro_batch
    patches = _patches(shape, MASTER_BYTES, rollouts * asked.pictures)
    cache = _cache(shape, width, together * (asked.prompt + asked.reply))
    read = _reading(shape, width, stage.micro_batch * asked.prompt, stage.micro_batch * asked.pictures)
    sampling = Parts(cache=cache, activations=patches + max(read, _writing(shape, width, together)))
    groups = -(-stage.micro_batch // stage.generations) if shared else stage.micro_batch
    tokens = groups * asked.prompt + stage.micro_batch * (asked.reply + 1)
    learned = _updating(shape, width, layers, tokens, recomputes)
    updating = Parts(activations=patches + max(learned, read))
    return max(sampling, updating, key=lambda parts: parts.total)


def _cache(shape: VlmShape, width: int, tokens: int) -> int:
    """Of so many tokens; one layer stands there twice while it grows."""
    return tokens * shape.kv_numbers * width * (shape.layers + 1) // shape.layers


def _patches(shape: VlmShape, width: int, tokens: int) -> int:
    """The pixels of pictures that cost so many tokens, as the tower gets them."""
    return tokens * shape.patches_a_token * shape.patch_numbers * width


def _reading(shape: VlmShape, width: int, tokens: int, seen: int) -> int:
    """One layer over a batch: its input and output, and the three products of a gated MLP; the tower comes before."""
    text = tokens * (2 * shape.hidden + 3 * shape.intermediate)
    tower = seen * shape.patches_a_token * 10 * shape.vision_hidden
    return max(text, tower) * width


def _writing(shape: VlmShape, width: int, rows: int) -> int:
    """The scores of the next token, as they come, in 32 bits, and as probabilities."""
    return rows * shape.vocabulary * (width + 8)


def _updating(shape: VlmShape, width: int, layers: int, tokens: int, recomputes: bool) -> int:
    """What the backward pass needs: of every layer that gradients go through, or its input alone and one at a time."""
    inside = tokens * (12 * shape.hidden + 8 * shape.intermediate) * width
    return tokens * shape.hidden * layers * width + inside if recomputes else inside * layers
