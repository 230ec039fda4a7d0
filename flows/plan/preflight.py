"""Whether every phase of a round fits the accelerators that are here, asked before any work."""

from flows.plan.account import memory_faults
from flows.plan.cards import card_here
from flows.plan.expectations import estimated
from flows.plan.looks import look
from flows.plan.memory import phases
from flows.plan.rates import find_measurement
from flows.plan.rehearsal import rehearse
from flows.plan.setting import set_up
from viper.errors import ModelError
from viper.settings import Settings


def check_memory(settings: Settings) -> None:
    """Compare what each phase needs with the memory of its device, by the plan's arithmetic; nothing on a CPU.

    Raises:
        ModelError: A phase does not fit. Its parts are named, and what to change.
    """
    models = settings.models
    devices = {models.vlm.device, models.painter.device, models.editor.device}
    if settings.judge.path:
        devices.add(settings.judge.device)
    cards = {device: card for device in sorted(devices - {"cpu"}) if (card := card_here(device)) is not None}
    if not cards:
        return
    # Limits decide, not amounts: one shard is enough.
    pool = settings.pool.model_copy(update={"images_per_round": settings.synthesis.shard_images})
    benchmarks = settings.benchmarks.model_copy(update={"limit": settings.benchmarks.shard_questions})
    with set_up(settings.model_copy(update={"pool": pool, "benchmarks": benchmarks})) as setting:
        sights, _, _ = look(setting)
        rehearsal = rehearse(setting, sights, estimated(settings))
        measured = find_measurement(next(iter(cards.values())).name, settings)
        held = phases(setting, rehearsal, sights, measured.runtime if measured else {})
    of_device = {device.partition(":")[0]: card for device, card in cards.items()} | cards
    found = [
        fault
        for phase in held
        if phase.device in of_device
        for fault in memory_faults([phase], of_device[phase.device])
    ]
    if found:
        raise ModelError(" ".join(dict.fromkeys(found)))
