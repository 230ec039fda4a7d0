"""True labels in place of the loop's own, to measure how much a round could gain. No round calls this."""

import numpy as np

from models.payloads import Captions, Critique, Critiques, Refinement, Refinements
from models.worlds import find_world
from tasks.shards import read_payload, shard_images
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Seed, Shard


class TruthInputs(Inputs):
    """What decides the true refinements of a shard's captions."""

    world: str
    shard: Shard
    captions: ArtifactRef
    seed: Seed
    number: int
    """Of the shard: the truth of each is worded by draws of its own."""

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"write true refinements of shard {self.number}"


@step("true-refinements", 3)
def write_true_refinements(inputs: TruthInputs, worker: Worker) -> Made:
    """Payloads ``Refinements`` and ``Critiques`` as the loop's own steps write them, but right."""
    world = find_world(inputs.world)
    texts = read_payload(worker.store, inputs.captions, Captions).root
    rng = np.random.default_rng(inputs.seed.of(inputs.number))
    rows: dict[str, Refinement] = {}
    for image, picture in sorted(shard_images(worker.store, inputs.shard).items()):
        said, refined = world.truth(np.asarray(picture), texts[image], rng)
        rows[image] = Refinement(
            caption=texts[image],
            refinements=said,
            refined=refined,
            kept=True,
            reason="true label",
            gain=0.0,
            first_distance=0.0,
        )
    critiques = Critiques(
        {
            image: (Critique(refinements=row.refinements, refined=row.refined, draws=(0,)),)
            for image, row in rows.items()
        }
    )
    return Made({**Refinements(rows).encoded(), **critiques.encoded()}, {"reasons": {"true label": len(rows)}})
