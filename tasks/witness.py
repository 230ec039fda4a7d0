"""The VLM as a witness: it is asked of each operation of an edit whether it happened."""

from collections import Counter
from collections.abc import Sequence

from pydantic import JsonValue

from models.payloads import Happened, Plans, Witnesses
from models.tries import Tries, ask
from models.witness import WitnessQuestion, happened, read_answer
from models.worlds import find_world
from tasks.shards import read_payload, read_pictures, shard_images, shard_size
from tasks.step import Inputs, Made, step
from tasks.worker import Worker
from viper.records import ArtifactRef, Record, Seed, Shard, VlmUse


class Questioning(Record):
    """How the VLM is asked whether an operation happened: as the rules of a world ask, or by a prompt."""

    rules_of: str = ""
    """The world; empty where a prompt asks."""
    version: int = 0
    """Of the world's rules."""
    prompt: str = ""
    """With the blank ``{operation}``; yes confirms."""

    def of(self, operation: str) -> Sequence[WitnessQuestion]:
        """What is asked about one operation."""
        if self.rules_of:
            return find_world(self.rules_of).need_rules().ask_whether(operation)
        return [WitnessQuestion(self.prompt.format(operation=operation), "yes", before=True)]


class WitnessInputs(Inputs):
    """What decides the VLM's answers about the edits of a shard."""

    vlm: VlmUse
    questioning: Questioning
    shard: Shard
    edits: ArtifactRef
    temperature: float
    """Of answers that are asked for again; the first time they are greedy."""
    tries: int
    """Replies to one question, until one can be used."""
    max_new_tokens: int
    batch: int
    """Prompts a generation pass: it moves the last bits."""
    seed: Seed

    @property
    def title(self) -> str:
        """What the step does, as people see it."""
        return f"{self.vlm.model.name} says what happened in edits of shard {self.shard.number}"


@step("witnesses", 1, roles=("vlm",), items=lambda inputs, store: shard_size(store, inputs.shard))
def ask_what_happened(inputs: WitnessInputs, worker: Worker) -> Made:
    """Payload ``Witnesses``; facts: operations by what is said of them, and how many replies were asked for again."""
    from models.prompt_reader import Prompt

    tries = Tries(
        most=inputs.tries,
        temperature=0.0,
        again=inputs.temperature,
        seed=inputs.seed,
        max_new_tokens=inputs.max_new_tokens,
        batch=inputs.batch,
    )
    pictures, edited = shard_images(worker.store, inputs.shard), read_pictures(worker.store, inputs.edits)
    plans = dict(sorted(read_payload(worker.store, inputs.edits, Plans).root.items()))
    asked = {(name, one): inputs.questioning.of(one) for name, plan in plans.items() for one in plan.sentences}
    prompts = {
        f"{name}/{operation}/{number}": Prompt(
            question.text, (pictures[plans[name].image], edited[name]) if question.before else (edited[name],)
        )
        for (name, operation), questions in asked.items()
        for number, question in enumerate(questions)
    }
    answers, again = ask(worker.vlm(inputs.vlm), prompts, lambda _, reply: read_answer(reply), tries)
    found: dict[str, dict[str, Happened]] = {name: {} for name in plans}
    for (name, operation), questions in asked.items():
        own = [answers[f"{name}/{operation}/{number}"] for number in range(len(questions))]
        found[name][operation] = happened(questions, own)
    said = Counter[str](one for each in found.values() for one in each.values())
    facts: dict[str, JsonValue] = {"said": dict(said), "asked_again": again}
    return Made(Witnesses(found).encoded(), facts)
