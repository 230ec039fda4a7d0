"""One whole round, as small as it can be: processes that start take longer than what they compute."""

SMALL = [
    "pool.images_per_round=24",
    "synthesis.shard_images=12",
    "synthesis.critiques=2",
    "synthesis.inline_image_bytes=800",  # about half of the pictures are larger
    "filter.seeds=1",
    "filter.min_samples=1",
    "training.stages.csr.steps=4",
    "training.stages.csr.prompts_per_step=2",
    "training.stages.csr.generations=4",
    "training.stages.csr.micro_batch=8",
    "training.stages.csr.updates_per_batch=1",
    "training.stages.csr.checkpoint_steps=2",
    "training.stages.vop.steps=4",
    "training.stages.vop.prompts_per_step=2",
    "training.stages.vop.generations=4",
    "training.stages.vop.micro_batch=8",
    "training.stages.vop.updates_per_batch=1",
    "training.stages.vop.checkpoint_steps=2",
    "benchmarks.limit=12",
    "benchmarks.suites=['fine_perception', 'caption_fidelity']",
    "gate.resamples=100",
]
CHECKPOINT_STEPS = 2


def as_arguments(settings: list[str]) -> list[str]:
    """Settings as options of the command line."""
    return [part for one in settings for part in ("--set", one)]
