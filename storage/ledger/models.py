"""Models of the store by their key: a champion, what a stage made, or a training checkpoint."""

from storage.layout import checkpoint_step, evolution_of, is_artifact_key, is_champion
from storage.ledger.champions import read_champion
from storage.ledger.copies import champion_keys
from storage.ledger.lineage import fact_of, fingerprint_of, model_with
from storage.objects import ObjectStore
from viper.errors import ModelError
from viper.records import ArtifactRef, ModelRef


def is_key(name: str) -> bool:
    """Whether ``name`` is meant as a key of the store, and not as a folder or hub name."""
    return is_artifact_key(name)


def stored_model(store: ObjectStore, key: str, base: ModelRef) -> ModelRef:
    """The model under a key of the store.

    Args:
        store: Where it lies.
        key: Of a champion, of an artifact ``model``, or of a checkpoint, as ``viper data lineage`` and
            ``viper champion history`` show them.
        base: The model whose weights adapters are put on.

    Raises:
        ModelError: Nothing lies there, it is no model, or the base is another one than the adapter's.
    """
    if is_champion(key) and key in champion_keys(store, evolution_of(key)):
        return read_champion(store, key)
    ref = store.find(key)
    if ref is None or ref.kind not in ("model", "adapter", "checkpoint"):
        found = "nothing lies" if ref is None else f"{ref.kind!r} lies"
        raise ModelError(f"{key!r} is no model: {found} there. Expected the key of a champion, model or checkpoint.")
    if ref.kind == "model":
        return ModelRef(name="model", artifact=ref, fingerprint=fingerprint_of(ref))
    if ref.kind == "adapter":
        start = fact_of(store, ref, "inputs")["start"]["model"]
        return _weights(store, ref, str(start["fingerprint"]), base).with_lora("model", ref, fingerprint_of(ref))
    identity = fact_of(store, ref, "identity")
    name = f"{identity['stage']} after {checkpoint_step(ref.uri)}"
    if identity["method"] == "full":
        return ModelRef(name=name, artifact=ref, fingerprint=fingerprint_of(ref))
    return _weights(store, ref, str(identity["model"]), base).with_lora(name, ref, fingerprint_of(ref))


def _weights(store: ObjectStore, adapter: ArtifactRef, start: str, base: ModelRef) -> ModelRef:
    """The weights below an adapter that was trained from the model with the fingerprint ``start``."""
    weights = start.partition("+")[0]
    if base.fingerprint == weights:
        return base
    artifact = model_with(store, weights)
    if artifact is None:
        raise ModelError(
            f"{adapter.uri!r} was trained from a model with the fingerprint {weights[:12]}…, which is neither in the "
            f"store nor the base {base.settings_path}. Name its profile with --profile."
        )
    return ModelRef(name="model", artifact=artifact, fingerprint=fingerprint_of(artifact))
