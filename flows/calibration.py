"""The noise of a profile's painter by itself: what thresholds of the filter are counted in."""

from flows import synthesis_inputs as inputs
from flows.start import begin
from storage.objects import ObjectStore
from tasks import generation, pool, reconstruction
from tasks.step import In, Step, perform
from tasks.worker import Worker
from viper.records import ArtifactRef, Record
from viper.settings import Settings


class Calibration(Record):
    """What was measured, and how far the captions' own paintings are from their pictures."""

    unit: float
    """The unit of noise, in the judge's own distances."""
    captions: int
    """That were painted with two noise seeds."""
    mean_distance: float
    """Of the first paintings where they are farthest from their pictures, in units of noise."""


def calibrate(settings: Settings) -> Calibration:
    """Caption and paint the first shard of the pool, once more with another seed, as the first round would.

    Benchmark pictures are not left out of the pool: nothing is learned here.

    Raises:
        ViperError: Whatever stops a round's synthesis.
    """
    runner, cut = begin(settings)
    worker, store = runner.worker, runner.store
    listing = _made(pool.list_pool, inputs.listing(cut, 1), worker)
    first, *_ = inputs.takes(cut, pool.read_listing(store, listing), [])
    taken = (_made(pool.take_images, first, worker),)
    (shard,) = pool.check_taken(store, taken, settings.pool.uri, settings.pool.max_rejected_share)
    captions = _made(generation.caption_images, inputs.captions(cut, 1, cut.base, shard), worker)
    paintings = _made(reconstruction.paint_captions, inputs.paintings(cut, 1, shard, captions), worker)
    noise = _made(reconstruction.measure_noise, inputs.noise(cut, 1, captions, paintings), worker)
    return _calibration(store, noise, paintings)


def _made(step: Step[In], given: In, worker: Worker) -> ArtifactRef:
    return perform(step, given, worker)[0]


def _calibration(store: ObjectStore, noise: ArtifactRef, paintings: ArtifactRef) -> Calibration:
    found, painted = store.manifest(noise).meta, store.manifest(paintings).meta
    unit = float(str(found["unit"]))
    mean = float(str(painted["mean_distance"])) / unit
    return Calibration(unit=unit, captions=int(str(found["captions"])), mean_distance=mean)
