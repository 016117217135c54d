"""Figures of a run as small pictures that may be saved in a notebook."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Artifact, Run
from jupyter_mlops.ports import World
from jupyter_mlops.training.runs import run_artifact

if TYPE_CHECKING:
    from PIL.Image import Image

MOST: Final = 6
MOST_BYTES: Final = 60_000
"""Of one picture; six of them are what one plot of a notebook weighs."""
READ_BYTES: Final = 20_000_000
SIZE: Final = (480, 360)
_NUMBERED: Final = re.compile(r"figures/figure-\d+\.\w+")
_RASTER: Final = frozenset({"png", "jpg", "jpeg", "gif"})


class Picture(Record, frozen=True, kw_only=True):
    """A figure of a run, small."""

    path: str
    """Among the run's artifacts."""
    address: str = ""
    """As ``data:image/...;base64,...``; empty for one that is too large or of a kind that is not shown."""


def pictures_of(world: World, run: Run, figures: Sequence[Artifact] | None = None) -> list[Picture]:
    """Return a run's figures as thumbnails; the first ones as pictures, the others by name."""
    try:
        found = world.tracking.artifacts(run.id, "figures") if figures is None else figures
    except MlopsError:
        return []
    files = sorted((one for one in found if not one.is_folder), key=lambda one: (_is_numbered(one.path), one.path))
    shown: list[Picture] = []
    for file in files[:MOST]:
        picture = Picture(path=file.path, address=_address(world, run, file))
        # What a cell logs it often displays, too: the same picture twice, of which the one with a name is kept.
        if not (_is_numbered(file.path) and picture.address in {one.address for one in shown} - {""}):
            shown.append(picture)
    return [*shown, *(Picture(path=one.path) for one in files[MOST : 4 * MOST])]


def _is_numbered(path: str) -> bool:
    """Tell whether a figure was displayed by the cell, rather than logged under a name."""
    return _NUMBERED.fullmatch(path) is not None


def _address(world: World, run: Run, figure: Artifact) -> str:
    suffix = figure.path.rpartition(".")[2].lower()
    if figure.n_bytes > READ_BYTES or (suffix not in _RASTER and suffix != "svg"):
        return ""
    try:
        file = run_artifact(world, run.id, figure.path)
        data, kind = (file.read_bytes(), "svg+xml") if suffix == "svg" else thumbnail(file)
    except (MlopsError, OSError, ValueError):  # ValueError: not the picture that its name says
        return ""
    if len(data) > MOST_BYTES:
        return ""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(file: Path) -> tuple[bytes, str]:
    """Return a picture in at most 480 x 360 pixels, and its kind. Raises ``ValueError`` if it is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            picture.thumbnail(SIZE)
            small = picture.convert("RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError(str(error)) from error
    data = _saved(small, "PNG", optimize=True)
    if len(data) <= MOST_BYTES:
        return data, "png"
    paper = Image.new("RGB", small.size, "white")
    paper.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    return _saved(paper, "JPEG", quality=80), "jpeg"


def _saved(picture: Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
