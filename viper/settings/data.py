"""Settings of the data of a round: the pool, what is written and painted from it, and what the filter keeps."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from viper.settings.section import Count, PoolPlace, Section, Share, Temperature


class PoolSettings(Section):
    """The unlabelled images."""

    uri: PoolPlace
    """Folder or ``s3://`` prefix of images. ``shapes:`` draws pictures of the embedded world; ``tar:PLACE`` and
    ``parquet:PLACE`` are images packed in such files."""
    images_per_round: Count
    """Images taken each round; every round takes others until the pool is used up."""
    max_pixels: Count = 50_000_000
    """Largest width x height that is decoded, in pixels."""
    max_bytes: Count = 50_000_000
    """Largest file that is read, in bytes."""
    max_rejected_share: Share = 0.2
    """Share of unusable images above which the round stops."""
    hash_side: Annotated[int, Field(ge=4, le=64)] = 16
    """Perceptual hashes of pictures have this many bits squared; more than 64 a side are pixels, no longer a look."""
    near_benchmark_bits: int = Field(default=10, ge=-1)
    """An image whose perceptual hash differs from a benchmark picture's in at most this many bits is left out of the
    pool. -1 compares pixels alone, which is always done."""

    @model_validator(mode="after")
    def _leaves_images_that_are_near_none(self) -> Self:
        bits = self.hash_side**2
        if self.near_benchmark_bits >= bits:
            raise ValueError(
                f"near_benchmark_bits {self.near_benchmark_bits} leaves out every image, because a hash of hash_side "
                f"{self.hash_side} has {bits} bits. Choose near_benchmark_bits below {bits}."
            )
        return self


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
    critique_temperature: Temperature = 1.0
    """Temperature of the sampled critiques and operations, and of what is asked for again."""
    tries: Count = 3
    """How often a reply is asked for, at most. One that cannot be read, one without corrections or operations, and a
    rewritten caption that lost what no correction speaks of are drawn again. Where one reply of five fails, three tries
    leave one of a hundred; a model that never writes the form costs three times its share, and no more."""
    edits_per_image: Count = 2
    """Edited pictures made from one image."""
    max_operations: Count = 3
    """Operations in one edited picture, at most."""
    inline_image_bytes: int = Field(default=100_000, ge=0)
    """Images up to this size stand in the rows of dataset versions; larger ones lie beside the rows, once each."""
    writer: Literal["rules", "vlm"] = "vlm"
    """Who writes refined captions and operations: the world's rules over the VLM's own words, or the VLM by prompt."""


class FilterSettings(Section):
    """The self-critique filter: the painter is the judge."""

    enabled: bool = True
    """Off keeps the first critique of every image that can be used, and every edit (an ablation)."""
    unit: Literal["sentence", "critique"] = "sentence"
    """What is judged: each sentence, whichever draw said it; or each draw's critique, of which the one that comes
    closest is taken as a whole, with what is wrong in it (an ablation)."""
    seeds: Count = 2
    """Noise seeds a caption is painted with at most, with and without a correction alike; the second and further ones
    only where those before leave the decision open."""
    min_gain_noise: float = Field(default=0.2, gt=0)
    """How much closer a correction must bring the painting where it speaks, in units of the painter's noise
    (``viper judge calibrate``), averaged over its place and the seeds."""
    min_explained: Share = 0.1
    """Share of what the painting was away there that a correction must explain, where several draws said it."""
    min_explained_alone: Share = 0.4
    """The same where one draw alone said it."""
    max_residual_noise: float = Field(default=3.2, ge=0)
    """A painting that is nowhere farther from the image than this, in units of noise, leaves nothing to correct. In a
    region where that of the refined caption is farther, rules write no operation."""
    max_nothing_share: Share = 0.2
    """Largest share of "nothing to correct" samples in a CSR dataset."""
    min_edit_noise: float = Field(default=1.0, ge=0)
    """An edit must change each place that it names at least this much, in units of noise, else it is a no-op."""
    max_spill_noise: float = Field(default=1.0, ge=0)
    """An edit may change what it does not name at most this much, in units of noise."""
    ask_vlm: bool = False
    """The synthesizer's VLM is asked of each operation whether it happened. An edit then stands only where the pixels
    and the VLM agree: it can reject what the pixels keep, and saves nothing that they reject."""
    min_samples: Count = 32
    """A lesson with fewer samples is left out of the round; where all lessons are, the verdict is ``collapse``. A stage
    is left out where fewer of its samples than this say anything but that nothing is to correct."""
