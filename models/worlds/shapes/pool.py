"""Pictures of the embedded world as PNG files."""

import io

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> bytes:
    """PNG bytes of an (H, W, 3) uint8 picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
