"""Time by arithmetic, where nothing was measured: what is computed and moved, by how much of a card's speed is used.

These are estimates. A factor of two either way is to be expected on a machine that nobody measured, which is why
``viper plan --measure`` replaces them.
"""

from models.sizes.cards import Card
from models.sizes.language import VlmShape
from models.sizes.memory import Asked
from models.sizes.painting import TEXT_TOKENS, PainterShape
from viper.settings import DiffusionSettings, GrpoStage, Stage, TrainingSettings

LEARNING_SHARE = 0.05
"""Of a card's speed, used while a training reads, scores and learns. Fitted to two steps measured on an H200
(``tests.gpu.measure``): 160 rollouts of 256 tokens with 3B, 84 to 101 s, here 72; 20 of 64 with 7B, 12.8 s, here 15."""
READING_SHARE = 0.2
"""Of a card's speed, used while prompts are read: a guess between the one above and half."""
PAINTING_SHARE = 0.44
"""Of a card's speed, used by a transformer that paints: with it, Qwen-Image takes 26 s for 1,024 x 1,024 pixels in 30
guided steps on an H100."""
LAYER_S = 0.001
"""A layer of one token cannot be faster than its kernels are started from Python."""
LOADED_BYTES_A_S = 1e9
"""How fast weights come from a disk."""


def answering_seconds(shape: VlmShape, card: Card, width: int, prompts: float, batch: int, asked: Asked) -> float:
    """Reading and answering prompts, batch by batch.

    Args:
        shape: Of the model.
        card: Where it computes.
        width: Bytes of a number.
        prompts: How many.
        batch: Prompts a pass.
        asked: Tokens of a prompt and of its reply, as expected.
    """
    reading = _reading_flops(shape, prompts * asked.prompt, prompts * asked.pictures) / (card.flops * READING_SHARE)
    return reading + prompts / batch * _writing(shape, card, width, batch, asked)


def step_seconds(
    shape: VlmShape, card: Card, width: int, stage: Stage, settings: TrainingSettings, asked: Asked, processes: int
) -> float:
    """One optimizer step of a stage, with its share of the rollouts; the processes share it evenly.

    A backward pass costs as much as a forward pass where adapters learn, and twice as much where all weights do; on
    accelerators, layers are computed once more in it.
    """
    again = 1 if card.name == "cpu" else 2
    passes = again + (1 if settings.method == "lora" else 2)
    speed = card.flops * LEARNING_SHARE * processes
    if not isinstance(stage, GrpoStage):
        rows = stage.rows_per_step
        flops = _reading_flops(shape, rows * (asked.prompt + asked.reply) * passes, rows * asked.pictures)
        return flops / speed
    shared = settings.shared_prefix and shape.shared_prefix
    rollouts = stage.prompts_per_step * stage.generations
    prompts = stage.prompts_per_step if shared else rollouts
    tokens, seen = prompts * asked.prompt + rollouts * asked.reply, prompts * asked.pictures
    learning = _reading_flops(shape, tokens * passes, seen)
    batches = stage.updates_per_batch
    scoring = _reading_flops(shape, tokens, seen) if batches > 1 else 0.0
    together = max(1, rollouts // processes if shared else stage.micro_batch)
    passes_of_writing = rollouts / processes / together
    sampling = _reading_flops(shape, prompts * asked.prompt, seen) / speed
    sampling += passes_of_writing * _writing(shape, card, width, together, asked)
    return learning / speed + (scoring / speed + sampling) / batches


def painting_seconds(shape: PainterShape, card: Card, settings: DiffusionSettings, source_px: int = 0) -> float:
    """One picture.

    Args:
        shape: Of the pipeline.
        card: Where it computes.
        settings: How it is called. Guidance calls the denoiser twice a step.
        source_px: Side of the picture that it looks at beside the one it makes; 0 for none.
    """
    tokens = sum((side // shape.pixels_a_token) ** 2 for side in (settings.side_px, source_px)) + TEXT_TOKENS
    flops = 2 * shape.parameters * tokens + 4 * shape.layers * shape.width * tokens**2
    return settings.steps * (2 if settings.guidance > 1 else 1) * flops / (card.flops * PAINTING_SHARE)


def _reading_flops(shape: VlmShape, tokens: float, seen: float) -> float:
    """Two for each weight and token (arXiv 2001.08361, section 2.1), in the tower for each patch."""
    language = shape.parameters - shape.vision_parameters
    return 2 * language * tokens + 2 * shape.vision_parameters * seen * shape.patches_a_token


def _writing(shape: VlmShape, card: Card, width: int, rows: int, asked: Asked) -> float:
    """All tokens of a batch's replies: weights and cache are read for each, and the cache is written anew."""
    cache = rows * (asked.prompt + asked.reply / 2) * shape.kv_numbers * width
    moved = (shape.parameters * width + 3 * cache) / card.bandwidth
    started = shape.layers * (LAYER_S if card.name != "cpu" else LAYER_S / 4)
    return asked.reply * max(started, moved, 2 * shape.parameters * rows / (card.flops * READING_SHARE))
