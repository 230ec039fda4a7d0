"""Sentence embeddings for the reward: any SentenceTransformer, the embedded tiny one and BGE-M3 alike."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.locations import read_json, resolve
from viper.errors import ModelError
from viper.settings import ModelSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

REMEMBERED = 20_000
BATCH = 64
MODULES = "modules.json"
ASKED = ("There is a large red ring at the top.", "There is no small blue disk at the bottom.")
"""What a model is asked for before any work."""


def load_similarity(settings: ModelSettings) -> "Similarity":
    """The sentence model, in eval mode on its device.

    Raises:
        ModelError: The folder or hub model is missing, or is no SentenceTransformer.
    """
    folder = resolve(settings.path)
    # From any other transformers folder the library would quietly make an untrained mean-pooling model.
    if Path(folder).is_dir() and not (Path(folder) / MODULES).is_file():
        raise ModelError(f"{folder} is no SentenceTransformer: it has no {MODULES}. Check models.similarity.path.")
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(
            folder,
            device=settings.device,
            revision=settings.revision,
            model_kwargs={"dtype": getattr(torch, settings.dtype), "use_safetensors": True},
            trust_remote_code=False,
        )
    except Exception as error:  # a folder that others wrote can make the libraries raise anything
        raise ModelError(
            f"{settings.path} cannot be loaded as a SentenceTransformer: {error} Check models.similarity.path."
        ) from error
    return Similarity(model.eval())


def check_similarity(settings: ModelSettings) -> None:
    """Load the model onto the CPU, and ask it for two sentences.

    Raises:
        ModelError: As ``load_similarity``, it brings code of its own, or its embeddings tell nothing.
    """
    named = read_json(settings.path, settings.revision, MODULES)
    kinds = [str(one.get("type")) for one in named if isinstance(one, dict)] if isinstance(named, list) else []
    if not kinds or not all(kind.startswith("sentence_transformers.") for kind in kinds):
        raise ModelError(
            f"{MODULES} of {settings.path} names {', '.join(kinds) or 'no modules'}. Expected those of "
            "sentence_transformers: code of a model folder is never run. Choose another models.similarity.path."
        )
    similarity = load_similarity(settings.model_copy(update={"device": "cpu"}))
    try:
        same, other = (float(one) for one in similarity.embed(ASKED) @ similarity.embed(ASKED[:1])[0])
    except ModelError as error:
        raise ModelError(f"{settings.path} is of no use here: {error}") from error
    except Exception as error:  # modules that others put together can make the library raise anything
        raise ModelError(
            f"{settings.path} makes no embedding of a sentence ({type(error).__name__}: {error}). Expected a "
            "SentenceTransformer that pools its tokens. Check models.similarity.path."
        ) from error
    if not (abs(same - 1) < 0.02 and other < same - 1e-4):
        raise ModelError(
            f"{settings.path} finds {ASKED[0]!r} as near to itself ({same:.4f}) as to {ASKED[1]!r} ({other:.4f}). "
            "Expected a SentenceTransformer that tells sentences apart. Check models.similarity.path."
        )


class Similarity:
    """Embeds sentences, each once: the ground truth of a prompt comes back with every rollout.

    Args:
        model: The sentence model.
        remembered: Embeddings kept in memory, at least; the longest unused are forgotten.
    """

    def __init__(self, model: "SentenceTransformer", remembered: int = REMEMBERED) -> None:
        self._model, self._remembered = model, remembered
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def embed(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """One row of unit length a sentence: (N, D) float32. A product of two rows is their cosine similarity.

        Raises:
            ModelError: The model gives no finite embedding.
            ValueError: There are no sentences, so that D is not known.
        """
        if not sentences:
            raise ValueError("Found no sentences to embed. Expected at least one.")
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        if new:
            rows = self._model.encode(
                new, batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            )
            rows_ND = np.asarray(rows, dtype=np.float32)
            if rows_ND.ndim != 2 or not np.isfinite(rows_ND).all():
                raise ModelError(
                    f"The embeddings of {len(new)} sentences have the shape {rows_ND.shape}, and not all numbers are "
                    "finite. Expected one row of finite numbers a sentence. Choose another models.similarity.path, or "
                    "float32 as its dtype."
                )
            self._known.update(zip(new, rows_ND, strict=True))
        found = np.stack([self._known[sentence] for sentence in sentences])
        for sentence in sentences:
            self._known.move_to_end(sentence)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return found
