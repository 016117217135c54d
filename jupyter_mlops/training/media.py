"""Tables, pictures, data and notes as a user gives them: checked and brought into one form before they are stored."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput, NotFound
from jupyter_mlops.training.metrics import whole_step

NOTE: Final = "mlflow.note.content"
_TABLE_FORMATS: Final = (".json", ".parquet")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp", ".tif", ".tiff")
_NAME: Final = re.compile(r"[\w.\- ]{1,200}")
_TAG_LENGTH: Final = 8000  # MLflow's MAX_TAG_VAL_LENGTH
_PARAM_LENGTH: Final = 6000  # MLflow's MAX_PARAM_VAL_LENGTH


def file_name(name: str, example: str = "roc.png") -> str:
    """Return ``name``, of a file without its folder. Raises ``BadInput``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("."):
        raise BadInput(
            f"{name!r} is not a file name.", hint=f'Give one of letters, digits, spaces and `_ - .`, like "{example}".'
        )
    return name


def texts(values: Mapping[str, Any], what: str) -> dict[str, str]:
    """Return tags or parameters as text. Raises ``BadInput`` naming the key that MLflow would not take."""
    if not isinstance(values, Mapping):
        raise BadInput(
            f"A {type(values).__name__} has no names to log {what}s under.",
            hint="Log names with their values: `{'C': 0.5}`.",
        )
    most = _PARAM_LENGTH if what == "parameter" else _TAG_LENGTH
    found = {}
    for key, value in values.items():
        if not isinstance(key, str) or not re.fullmatch(r"[/\w.\- :]{1,250}", key) or not key.strip():
            raise BadInput(
                f"{key!r} is not the name of a {what}.",
                hint="Names have up to 250 letters, digits, spaces and `_ - . : /`.",
            )
        text = str(value)
        if len(text) > most:
            raise BadInput(
                f"The {what} {key!r} has {len(text)} characters, and {most} is the most.",
                hint="Store long text as a file: `ml.log_file(path)`.",
            )
        found[key] = text
    return found


def note(text: str) -> dict[str, str]:
    """Return a note in Markdown as the tag that MLflow shows as the run's description. Raises ``BadInput``."""
    if not isinstance(text, str):
        raise BadInput(f"A note is text, not a {type(text).__name__}.", hint='Give Markdown: `ml.note("# Why")`.')
    if len(text) > _TAG_LENGTH:
        raise BadInput(
            f"The note has {len(text)} characters, and {_TAG_LENGTH} is the most.",
            hint="Store long text as a file: `ml.log_file(path)`.",
        )
    return {NOTE: text}


def table(data: Any, name: str) -> tuple[Any, str]:
    """Return a table as a DataFrame or columns, and its path. Raises ``BadInput`` naming what is wrong with it."""
    name = file_name(name, "errors")
    path = f"tables/{name if name.endswith(_TABLE_FORMATS) else f'{name}.json'}"
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return data, path
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # polars
        return data.to_dict(as_series=False), path
    if isinstance(data, Mapping):
        return _columns(dict(data), name), path
    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        keys = dict.fromkeys(key for row in data for key in row)
        return {key: [row.get(key) for row in data] for key in keys}, path
    raise BadInput(
        f"The table {name!r} is a {type(data).__name__} that is neither columns nor rows."
        if not isinstance(data, Sequence) or data
        else f"The table {name!r} has no rows.",
        hint='Give a DataFrame, `{"x": [1, 2]}`, or rows: `[{"x": 1}, {"x": 2}]`.',
    )


def _columns(columns: dict[str, Any], name: str) -> dict[str, Any]:
    if not columns:
        raise BadInput(f"The table {name!r} has no columns.", hint='Give some: `{"x": [1, 2]}`.')
    lengths = {
        key: len(value) for key, value in columns.items() if hasattr(value, "__len__") and not isinstance(value, str)
    }
    if not lengths:
        return {key: [value] for key, value in columns.items()}
    most = max(lengths.values())
    for key in columns:
        if lengths.get(key) != most:
            has = f"has {lengths[key]} rows" if key in lengths else "is one value"
            raise BadInput(
                f"In the table {name!r} the column {key!r} {has}, where others have {most}.",
                hint="Give columns of one length.",
            )
    return columns


def picture(image: Any, name: str) -> Any:
    """Return an array, a PIL image or, for a file of pictures as it is, its ``Path``.

    Takes also matplotlib figures and tensors, whose channels may come first. Raises ``BadInput`` and ``NotFound``.
    """
    if isinstance(image, (str, Path)):
        path = Path(image)
        if not path.is_file():
            raise NotFound(f"There is no image {path}.", hint="Check the path; it is relative to the current folder.")
        if path.suffix.lower() not in _PICTURES:
            raise BadInput(
                f"{path.name} is not an image.", hint=f"Images end in {', '.join(_PICTURES)}; else `ml.log_file(path)`."
            )
        return path
    if hasattr(image, "savefig"):
        return _drawn(image)
    if hasattr(image, "to_pil"):
        return image.to_pil()
    if hasattr(image, "save") and hasattr(image, "resize"):
        return image
    if not hasattr(image, "__array__"):
        raise BadInput(
            f"The image {name!r} is a {type(image).__name__}, which is no picture.",
            hint="Give an array, a PIL image, a matplotlib figure or a path.",
        )
    return _array(image, name)


def _array(image: Any, name: str) -> Any:
    import numpy as np

    image = image.detach().cpu() if hasattr(image, "detach") else image
    array = np.asarray(image)
    channels = (1, 3, 4)
    if array.ndim == 3 and array.shape[-1] not in channels and array.shape[0] in channels:  # noqa: PLR2004  # axes
        array = np.moveaxis(array, 0, -1)
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in channels)) or not array.size:  # noqa: PLR2004  # axes
        raise BadInput(
            f"The image {name!r} has the shape {array.shape}.",
            hint="Give (height, width), or (height, width, 1, 3 or 4).",
        )
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        raise BadInput(f"The image {name!r} has values that are not numbers.", hint="Give 0 to 255, or 0.0 to 1.0.")
    low, high = (0.0, 1.0) if array.dtype.kind == "f" else (0, 255)
    if array.dtype.kind != "b" and (array.min() < low or array.max() > high):
        raise BadInput(
            f"The image {name!r} has values from {array.min()} to {array.max()}.",
            hint="Give 0 to 255 as whole numbers, or 0.0 to 1.0.",
        )
    return array


def _drawn(figure: Any) -> Any:
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    return Image.open(drawn)


def opened(picture: Any, name: str) -> Any:
    """Return what ``picture`` gave, a file of it opened. Raises ``BadInput`` for one that is no raster picture."""
    if not isinstance(picture, Path):
        return picture
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as image:
            return image.copy()
    except (UnidentifiedImageError, OSError) as error:
        raise BadInput(
            f"The image {name!r}, {picture}, cannot be read as pixels.",
            hint="Leave out `step` to store the file as it is.",
        ) from error


def as_png(image: Any) -> bytes:
    """Return an array or a PIL image as the bytes of a PNG file."""
    import numpy as np

    if isinstance(image, np.ndarray):
        from PIL import Image

        pixels = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image  # noqa: PLR2004  # axes
        if pixels.dtype.kind == "f":
            pixels = np.round(pixels * 255)
        image = Image.fromarray(pixels if pixels.dtype == bool else pixels.astype(np.uint8))
    drawn = io.BytesIO()
    image.save(drawn, format="PNG")
    return drawn.getvalue()


def image_step(step: Any) -> int:
    """Return the step of an image in its series. Raises ``BadInput``."""
    whole = whole_step(step)
    if whole < 0:
        raise BadInput(f"The step {step!r} of an image is below 0.", hint="Count from 0.")
    return whole


def dataset(data: Any, name: str) -> Any:
    """Return data; for text, a ``Path`` that exists or an URL as it is. Raises ``BadInput`` and ``NotFound``."""
    if not isinstance(name, str) or not name.strip() or len(name) > 500:  # noqa: PLR2004  # MLflow's limit
        raise BadInput(f"{name!r} is not the name of a dataset.", hint='Give one like "customers".')
    if isinstance(data, str) and "://" in data:
        return data
    if isinstance(data, (str, Path)):
        path = Path(data).absolute()
        if not path.exists():
            raise NotFound(f"There is no file {path}.", hint="Check the path; it is relative to the current folder.")
        return path
    return data
