"""Settings: everything that decides what an evolution computes, frozen; the parameter of every flow.

Every number carries its unit in its name. Endpoints and secrets are not settings; they come from the environment (see
``viper.environment``). ``viper.profiles`` reads settings from TOML files.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Task = Literal["csr", "vop"]
Stage = Literal["csr", "vop", "mixed", "csr-sft", "vop-sft", "mixed-sft"]
"""A stage trains on the dataset version of its task, ``mixed`` on both; with ``-sft`` on the ground truth itself,
without ``-sft`` by reinforcement."""


class Section(BaseModel):
    """A part of a profile. Frozen; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(Section):
    """Where a model comes from."""

    path: str
    """Folder or hub name. ``shapes:NAME`` is an embedded model."""
    revision: str = "main"
    """Revision on the hub; ignored for folders."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Number format of the weights in memory."""
    device: str = "cuda"
    """Torch device, such as ``cpu``, ``cuda`` or ``cuda:1``."""
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    """Attention kernel of language models; pipelines choose their own."""


class DiffusionSettings(ModelSettings):
    """A diffusers pipeline and how it is called."""

    steps: Count = 28
    """Number of denoising steps."""
    guidance: float = Field(default=4.0, ge=0)
    """Guidance scale, given to the pipeline under the name that it uses (``true_cfg_scale`` for Qwen)."""
    negative_prompt: str = " "
    """Negative prompt for guided pipelines. Qwen's are silently unguided without one."""
    side_px: Count = 1024
    """Width and height of the pictures, in pixels."""
    batch: Count = 4
    """Pictures a forward pass. Part of the step's key, because it moves the last bits."""


class ModelsSettings(Section):
    """The four models of the loop."""

    vlm: ModelSettings
    """The base vision-language model: champion of round 0."""
    painter: DiffusionSettings
    """Text-to-image model: image-level reconstruction."""
    editor: DiffusionSettings
    """Instruction editor: instance-level reconstruction."""
    similarity: ModelSettings
    """SentenceTransformer of the reward."""


class PoolSettings(Section):
    """The unlabelled images."""

    uri: str
    """Folder or ``s3://`` prefix of images. ``shapes:`` draws pictures of the embedded world."""
    images_per_round: Count
    """Images taken each round; every round takes others until the pool is used up."""
    max_pixels: Count = 50_000_000
    """Largest width x height that is decoded, in pixels."""
    max_bytes: Count = 50_000_000
    """Largest file that is read, in bytes."""
    max_rejected_share: Share = 0.2
    """Share of unusable images above which the round stops."""
    hash_side: Annotated[int, Field(ge=4)] = 16
    """Perceptual hashes of pictures have this many bits squared."""
    near_benchmark_bits: int = Field(default=10, ge=-1)
    """An image whose perceptual hash differs from a benchmark picture's in at most this many bits is left out of the
    pool. -1 compares pixels alone, which is always done."""


class SynthesisSettings(Section):
    """How captions, critiques and operations are made."""

    shard_images: Count
    """Images a shard: the unit of loss."""
    batch: Count = 16
    """Prompts a generation pass of the VLM."""
    max_new_tokens: Count
    """Longest text, in tokens."""
    critiques: Count = 4
    """Sampled critiques a painting."""
    critique_temperature: float = Field(default=1.0, gt=0)
    """Temperature of the sampled critiques."""
    edits_per_image: Count = 2
    """Edited pictures made from one image."""
    max_operations: Count = 3
    """Operations in one edited picture, at most."""
    inline_image_bytes: int = Field(default=100_000, ge=0)
    """Images up to this size stand in the rows of dataset versions; larger ones lie beside the rows, once each."""
    writer: Literal["grammar", "vlm"] = "vlm"
    """Who writes refined captions and operations: rules over the VLM's own words, or the VLM by prompt."""


class FilterSettings(Section):
    """The self-critique filter: the painter is the judge."""

    enabled: bool = True
    """Off keeps every critique and edit (an ablation)."""
    seeds: Count = 2
    """Noise seeds a caption is painted with; the same for both captions of a pair."""
    min_gain: float = Field(default=0.0, ge=0)
    """How much closer the refined painting must come, in units of the distance, averaged over the seeds."""
    min_agreement: Share = 1.0
    """Share of the seeds that must agree that the refined painting is closer."""
    max_faithful_distance: float = Field(ge=0)
    """A first painting this close to the image needs no correction: its "nothing to correct" is kept."""
    max_nothing_share: Share = 0.2
    """Largest share of "nothing to correct" samples in a CSR dataset."""
    min_edit_change: float = Field(ge=0)
    """An edit must change the image at least this much where it should, else it is a no-op."""
    max_edit_spill: float = Field(ge=0)
    """An edit may change the rest of the image at most this much."""
    min_samples: Count = 32
    """Fewer samples in a task's dataset end the round with the verdict ``collapse``. A stage is left out where fewer of
    its samples than this say anything but that nothing is to correct."""


class LoraSettings(Section):
    """Low-rank adapters."""

    rank: Count = 64
    """Rank of the adapters."""
    alpha: Count = 128
    """Scale of the adapters, divided by the rank."""
    target_modules: str = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    """Regular expression on module names."""


class RewardSettings(Section):
    """R = format_weight * R_format + (1 - format_weight) * R_correct (ViPER, section 3.3)."""

    format_weight: Share = 0.05
    """Weight of the form of the answer."""
    threshold: Share = 0.85
    """Cosine similarity above which two sentences say the same."""
    coverage_weight: Share = 0.0
    """Share of coverage (recall) in R_correct; 0 is the paper's precision alone."""


class StageSettings(Section):
    """One reinforcement-learning stage."""

    steps: Count
    """Optimizer steps."""
    prompts_per_step: Count
    """Prompts in one optimizer step."""
    generations: Annotated[int, Field(ge=2)] = 5
    """Rollouts a prompt (the group)."""
    updates_per_batch: Count = 1
    """Optimizer steps on the same rollouts; the clip is for those after the first."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of linear warm-up; the rate then falls linearly to 10 %."""
    temperature: float = Field(default=1.0, gt=0)
    """Sampling temperature of the rollouts."""
    epsilon_low: float = Field(default=0.2, gt=0)
    """Lower clip bound of the probability ratio."""
    epsilon_high: float = Field(default=0.28, gt=0)
    """Upper clip bound (DAPO's clip-higher)."""
    max_completion_tokens: Count
    """Longest rollout, in tokens."""
    checkpoint_steps: Count
    """Steps between checkpoints; rounded up to whole rollout batches."""
    micro_batch: Count
    """Rollouts a forward-backward pass."""


class SftSettings(Section):
    """Supervised fine-tuning on the ground-truth sentences: a baseline, or a cold start before reinforcement."""

    steps: Count = 24
    """Optimizer steps."""
    rows_per_step: Count = 48
    """Samples in one optimizer step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    warmup_steps: int = Field(default=2, ge=0)
    """Steps of linear warm-up; the rate then falls linearly to 10 %."""
    checkpoint_steps: Count = 8
    """Steps between checkpoints."""
    micro_batch: Count = 48
    """Samples a forward-backward pass."""


class TrainingSettings(Section):
    """The two-stage training."""

    stages: tuple[Stage, ...] = ("csr", "vop")
    """Which stages, in order. The paper's are ``csr``, then ``vop``."""
    method: Literal["lora", "full"] = "lora"
    """Adapters or all weights of the language model."""
    lora: LoraSettings = LoraSettings()
    """Adapters, where ``method`` is ``lora``."""
    reward: RewardSettings = RewardSettings()
    """The reward, the same in both stages."""
    csr: StageSettings
    """Stage 1."""
    vop: StageSettings
    """Stage 2."""
    sft: SftSettings = SftSettings()
    """Every supervised stage."""
    shared_prefix: bool = True
    """Compute a group's prompt once, and leave rollouts without advantage out of the update. For models of Qwen2.5-VL's
    kind with ``sdpa`` or ``eager`` attention; false is TRL's own way, for any model."""
    launcher: tuple[str, ...] = ()
    """Command put before the training process, such as ``["accelerate", "launch"]``; empty: plain Python."""
    hang_timeout_s: Count = 1800
    """A training process without a finished step for this long is stopped and reported."""

    def stage(self, name: Stage) -> StageSettings | SftSettings:
        """The settings of one stage. A mixed one takes the steps of both, the rest from stage 2."""
        if name.endswith("-sft"):
            return self.sft
        if name == "mixed":
            tokens = max(self.csr.max_completion_tokens, self.vop.max_completion_tokens)
            steps = self.csr.steps + self.vop.steps
            return self.vop.model_copy(update={"steps": steps, "max_completion_tokens": tokens})
        return self.csr if name == "csr" else self.vop


def tasks_of(stage: Stage) -> tuple[Task, ...]:
    """Whose dataset versions a stage trains on."""
    if stage.startswith("mixed"):
        return ("csr", "vop")
    return ("csr",) if stage.startswith("csr") else ("vop",)


class BenchmarkSettings(Section):
    """Held-out evaluation."""

    suites: tuple[str, ...]
    """Suites by name, in the order of the report."""
    folder: str
    """Folder or ``s3://`` prefix of the suites' files (``NAME.tsv``, or parquet in a folder ``NAME``), or ``hub:`` for
    the Hugging Face hub. ``shapes:`` makes the suites of the embedded world, ``shapes:held-out`` others that no setting
    was tuned on."""
    limit: int = Field(default=0, ge=0)
    """Questions a suite at most; 0 takes all. One that is asked in several rows counts them, and is taken whole."""
    batch: Count = 16
    """Questions a generation pass."""
    shard_questions: Count = 500
    """Questions a shard: the unit of loss, and how many questions' decoded images are in memory at once."""
    max_new_tokens: Count = 64
    """Longest reply, in tokens."""


class GateSettings(Section):
    """When a candidate becomes champion: no certain loss on any suite, and a certain gain (rule: ``models.gate``)."""

    margin_points: float = Field(default=1.0, ge=0)
    """A suite is lost if it falls by more than this and the fall is certain at ``confidence``: the interval of its
    difference lies below zero and, for 0/1 scores, McNemar's exact p agrees. One lost suite keeps the champion."""
    gain_on: str = "mean"
    """Where the gain must be certain (the interval lies above zero): ``mean`` over the suites, or a suite's name."""
    confidence: Share = 0.95
    """Level of the intervals, of the tests and of the power line."""
    resamples: Count = 2000
    """Bootstrap resamples."""


class CollapseSettings(Section):
    """When data, training or captions count as collapsed, whatever the reward says (measures: ``models.collapse``).

    A collapse ends the round with that verdict, leaves the champion as it is and stops the evolution.
    """

    enabled: bool = True
    """Off trains and judges whatever the figures say (an ablation)."""
    min_filter_yield: Share = 0.05
    """Samples in a task's dataset, as a share of what the filter judged."""
    window_prompts: Count = 90
    """A training's figures are averaged over whole rollout batches with at least this many prompts before they are
    judged. The first such window is what later ones are compared with."""
    min_length_share: Share = 0.5
    """Characters of the rollouts, as a share of those in the first window."""
    min_coverage_share: Share = 0.5
    """Coverage of the ground truth by the rollouts, as a share of that in the first window."""
    min_entropy_nats: float = Field(default=0.02, ge=0)
    """Mean entropy of the next token over the rollouts."""
    max_zero_variance_share: Share = 0.9
    """Share of groups whose rollouts all earn the same, so that nothing can be learned from them."""
    min_words_share: Share = 0.5
    """Words of the candidate's captions, as a share of the base's on the same images."""
    min_distinct_share: Share = 0.5
    """Distinct-2 of the candidate's captions, as a share of the base's."""
    min_dissimilarity_share: Share = 0.5
    """1 - self-similarity of the candidate's captions, as a share of the base's."""
    min_score_share: Share = 0.5
    """Score of any suite, captions' among them, as a share of the base's."""


class Settings(Section):
    """Everything that decides what an evolution computes."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    """Name of the profile: lower case letters, digits, dashes, dots."""
    evolution: str = Field(default="main", pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    """Name of the evolution: rounds of one name follow each other in one store."""
    seed: int = Field(default=0, ge=0)
    """Every random draw is derived from this, the round, the step and the item."""
    prompts: Literal["shapes", "photographs"]
    """Prompt set."""
    distance: str = "pixels"
    """How reconstructions are compared: ``pixels``, or the path of an image-feature model."""
    frozen_synthesizer: bool = False
    """True lets the base make every round's data, in place of the champion (an ablation)."""
    models: ModelsSettings
    """The four models."""
    pool: PoolSettings
    """Unlabelled images."""
    synthesis: SynthesisSettings
    """Captions, critiques, operations."""
    filter: FilterSettings
    """Self-critique."""
    training: TrainingSettings
    """Reinforcement learning."""
    benchmarks: BenchmarkSettings
    """Evaluation."""
    gate: GateSettings = GateSettings()
    """Promotion."""
    collapse: CollapseSettings = CollapseSettings()
    """Collapse."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for stage in self.training.stages:
            settings = self.training.stage(stage)
            if isinstance(settings, SftSettings):
                rows, named = settings.rows_per_step, "samples of a step (rows_per_step)"
            else:
                rows = settings.prompts_per_step * settings.generations
                named = "rollouts of a step (prompts_per_step x generations)"
            if rows % settings.micro_batch:
                raise ValueError(
                    f"training.{stage}: micro_batch {settings.micro_batch} does not divide the {rows} {named}. "
                    f"Choose a divisor of {rows}."
                )
        if self.gate.gain_on not in ("mean", *self.benchmarks.suites):
            known = ", ".join(("mean", *self.benchmarks.suites))
            raise ValueError(
                f"gate.gain_on is {self.gate.gain_on!r}, which is no suite of the profile. Known: {known}."
            )
        if not self.training.stages:
            raise ValueError('training.stages is empty. Name at least one of "csr", "vop".')
        if self.training.shared_prefix and self.models.vlm.attention == "flash_attention_2":
            raise ValueError(
                "training.shared_prefix needs attention masks that flash_attention_2 does not take. "
                'Set models.vlm.attention to "sdpa", or training.shared_prefix to false.'
            )
        return self
