"""Sentence embeddings for the reward: any SentenceTransformer, the embedded tiny one and BGE-M3 alike."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.locations import resolve
from viper.errors import ModelError
from viper.settings import ModelSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

REMEMBERED = 20_000
BATCH = 64


def load_similarity(settings: ModelSettings) -> "Similarity":
    """The sentence model, in eval mode on its device.

    Raises:
        ModelError: The folder or hub model is missing, or is no SentenceTransformer.
    """
    folder = resolve(settings.path)
    # From any other transformers folder the library would quietly make an untrained mean-pooling model.
    if Path(folder).is_dir() and not (Path(folder) / "modules.json").is_file():
        raise ModelError(f"{folder} is no SentenceTransformer: it has no modules.json. Check models.similarity.path.")
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
            ValueError: There are no sentences, so that D is not known.
        """
        if not sentences:
            raise ValueError("Found no sentences to embed. Expected at least one.")
        new = [sentence for sentence in dict.fromkeys(sentences) if sentence not in self._known]
        if new:
            rows = self._model.encode(
                new, batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            )
            self._known.update(zip(new, np.asarray(rows, dtype=np.float32), strict=True))
        found = np.stack([self._known[sentence] for sentence in sentences])
        for sentence in sentences:
            self._known.move_to_end(sentence)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return found
