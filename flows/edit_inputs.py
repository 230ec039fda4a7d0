"""The inputs of the steps that write operations, edit images by them and judge the edits, cut out of the settings."""

from flows.cut import Cut, slice_of
from models.selfcritique import EditRules
from tasks.editing import AskedOperations, EditInputs, PlanInputs, RuledOperations
from tasks.filtering import EditFilterInputs
from tasks.witness import Questioning, WitnessInputs
from viper.records import ArtifactRef, ModelRef, Shard


def plans(
    cut: Cut, round_number: int, model: ModelRef, shard: Shard, critiques: ArtifactRef, refinements: ArtifactRef
) -> PlanInputs:
    """For ``write_operations``."""
    synthesis = cut.settings.synthesis
    written: RuledOperations | AskedOperations
    if synthesis.writer == "rules":
        rules = cut.world.need_rules()
        written = RuledOperations(world=cut.world.name, version=rules.version, critiques=critiques)
    else:
        written = AskedOperations(
            vlm=cut.vlm(model),
            prompt=cut.world.prompts.operations,
            shard=shard,
            temperature=synthesis.critique_temperature,
            tries=synthesis.tries,
            max_new_tokens=synthesis.max_new_tokens,
            batch=synthesis.batch,
        )
    return PlanInputs(
        refinements=refinements,
        edits_per_image=synthesis.edits_per_image,
        max_operations=synthesis.max_operations,
        written=written,
        seed=cut.seed(round_number, "operations"),
    )


def edits(cut: Cut, round_number: int, shard: Shard, plans: ArtifactRef) -> EditInputs:
    """For ``edit_images``."""
    return EditInputs(shard=shard, plans=plans, editor=cut.editor, seed=cut.seed(round_number, "edit"))


def witnesses(cut: Cut, round_number: int, model: ModelRef, shard: Shard, edits: ArtifactRef) -> WitnessInputs:
    """For ``ask_what_happened``."""
    synthesis, questioning = cut.settings.synthesis, Questioning(prompt=cut.world.prompts.happened)
    if synthesis.writer == "rules":
        questioning = Questioning(rules_of=cut.world.name, version=cut.world.need_rules().version)
    return WitnessInputs(
        vlm=cut.vlm(model),
        questioning=questioning,
        shard=shard,
        edits=edits,
        temperature=synthesis.critique_temperature,
        tries=synthesis.tries,
        max_new_tokens=synthesis.max_new_tokens,
        batch=synthesis.batch,
        seed=cut.seed(round_number, "witnesses"),
    )


def operations(
    cut: Cut, shard: Shard, edits: ArtifactRef, noise: ArtifactRef, witnesses: ArtifactRef | None = None
) -> EditFilterInputs:
    """For ``filter_edits``; ``witnesses`` where the VLM was asked, too."""
    rules = slice_of(EditRules, cut.settings.filter)
    return EditFilterInputs(rules=rules, judge=cut.judge, shard=shard, edits=edits, noise=noise, witnesses=witnesses)
