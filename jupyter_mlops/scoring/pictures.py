"""Pictures as tensors: PNG, JPEG and the like, as a body or as base64 inside JSON, become pixels of the model's shape."""

from __future__ import annotations

import base64
import binascii
import importlib.util
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jupyter_mlops.core.manifest import Tensor
from jupyter_mlops.scoring.codec import UnsupportedMediaType
from jupyter_mlops.scoring.schema import SchemaMismatch, shown

if TYPE_CHECKING:
    from PIL import Image

    from jupyter_mlops.scoring.tensors import Array

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is decoded; Pillow would also start programs, for PostScript."""
MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}
MAX_PIXELS: Final = 25_000_000
"""Of one picture: a body of some kilobytes can name many more."""
B64: Final = "b64"
"""``{"b64": "..."}`` stands for bytes in TensorFlow Serving's JSON."""


def takes_pictures(tensor: Tensor) -> bool:
    """Tell whether a tensor's rows are pictures: height x width, with 1, 3 or 4 channels last or first."""
    return tensor.dtype[:1] in {"u", "i", "f"} and _frame(tensor) is not None


def written(content: Any) -> list[str] | None:
    """Return the base64 strings of an input, ``None`` when it holds something else."""
    each = content if isinstance(content, list) else [content]
    inner = [value.get(B64) if isinstance(value, dict) and set(value) == {B64} else value for value in each]
    texts = [text for text in inner if isinstance(text, str)]
    return texts if texts and len(texts) == len(inner) else None


def from_base64(texts: Sequence[str], tensor: Tensor) -> Array:
    """Return a batch of pictures. Raises ``SchemaMismatch`` and ``UnsupportedMediaType``."""
    batch = []
    for number, text in enumerate(texts):
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise SchemaMismatch(f"Row {number} must be a picture as base64; got {shown(text)}.", row=number) from None
        batch.append(pixels(data, tensor, number))
    if len({picture.shape for picture in batch}) > 1:
        raise SchemaMismatch("The pictures have different sizes.", hint="Send one size per request.")
    return np.stack(batch)


def pixels(data: bytes, tensor: Tensor, number: int = 0) -> Array:
    """Return one picture as a row of ``tensor``: pixels from 0 to 255, in its dtype and with its channels.

    Raises ``SchemaMismatch`` and, where Pillow is missing, ``UnsupportedMediaType``.
    """
    if importlib.util.find_spec("PIL") is None:
        raise UnsupportedMediaType(
            "Pictures are not read here: this image has no Pillow.",
            hint="Send the pixels as numbers, or add pillow to the model's requirements and make a new manifest.",
        )
    from PIL import Image

    frame = _frame(tensor)
    if frame is None:
        raise UnsupportedMediaType("The body is bytes, and this model takes no pictures.", hint="Send JSON.")
    height, width, channels, first = frame
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _fit(picture, height, width, number)
            array = np.asarray(picture.convert(MODES[channels or 1]), tensor.dtype)
    except SchemaMismatch:
        raise
    except Exception as error:  # Pillow's decoders raise whatever their formats came to
        raise SchemaMismatch(
            f"Row {number} must be a picture ({', '.join(FORMATS)}); these bytes cannot be read as one.", row=number
        ) from error
    if channels is None:
        return array
    array = array.reshape(*array.shape[:2], channels)
    return np.ascontiguousarray(array.transpose(2, 0, 1)) if first else array


def _fit(picture: Image.Image, height: int, width: int, number: int) -> None:
    """Look at what a picture says of itself before its pixels take memory. Raises ``SchemaMismatch``."""
    size = picture.size
    if width not in (-1, size[0]) or height not in (-1, size[1]):
        wanted = " x ".join("any" if n == -1 else str(n) for n in (width, height))
        raise SchemaMismatch(
            f"The picture of row {number} must be {wanted} pixels (width x height); got {size[0]} x {size[1]}.",
            row=number,
        )
    if size[0] * size[1] > MAX_PIXELS:
        raise SchemaMismatch(f"The picture of row {number} has more than {MAX_PIXELS} pixels.", row=number)
    if picture.mode.startswith(("I", "F")):
        raise SchemaMismatch(f"The picture of row {number} must have 8 bits per channel.", row=number)


def _frame(tensor: Tensor) -> tuple[int, int, int | None, bool] | None:
    """Return height, width, channels (``None`` without that axis) and whether those come first."""
    match tensor.shape:
        case [_, height, width]:
            return height, width, None, False
        case [_, height, width, channels] if channels in MODES:
            return height, width, channels, False
        case [_, channels, height, width] if channels in MODES:
            return height, width, channels, True
    return None
