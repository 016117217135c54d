"""Pictures score as their pixels do, as a body and as base64 in JSON, and what is no such picture is refused by row."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, Schema, Tensor
from jupyter_mlops.scoring import assemble
from jupyter_mlops.scoring.codec import UnsupportedMediaType
from jupyter_mlops.scoring.intake import LooseIntake, RawIntake, TableIntake
from jupyter_mlops.scoring.schema import SchemaMismatch, TableSchema
from jupyter_mlops.scoring.tensors import TensorIntake

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


def picture(form: str = "PNG", pixels: Any = PIXELS) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, form)
    return sink.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that names many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def intake(shape: list[int], dtype: str = "uint8", name: str = "") -> TensorIntake:
    return TensorIntake([Tensor(name=name, dtype=dtype, shape=shape)])


RGB = intake([-1, 4, 6, 3])


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_a_picture_is_one_row_of_its_pixels(form: str) -> None:
    data, n_rows = RGB.read(picture(form), "bytes")
    assert n_rows == 1
    assert np.array_equal(RGB.join([data]), PIXELS[np.newaxis])
    assert RGB.join([data, data]).shape == (2, 4, 6, 3)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "GIF"])
def test_other_formats_are_decoded(form: str) -> None:
    flat = np.full((4, 6, 3), 200, np.uint8)
    data, _ = RGB.read(picture(form, flat), "bytes")
    assert np.abs(RGB.join([data]).astype(int) - 200).max() < 4


def test_channels_and_dtype_are_the_models() -> None:
    gray = Image.fromarray(PIXELS).convert("L")
    for shape, wanted in {
        (-1, 3, 4, 6): PIXELS.transpose(2, 0, 1),
        (-1, -1, -1, 3): PIXELS,
        (-1, 4, 6, 4): np.asarray(Image.fromarray(PIXELS).convert("RGBA")),
        (-1, 4, 6): np.asarray(gray),
        (1, 4, 6, 1): np.asarray(gray)[:, :, np.newaxis],
    }.items():
        each = intake(list(shape), "float32")
        given = each.join([each.read(picture(), "bytes")[0]])
        assert given.dtype == np.float32
        assert np.array_equal(given, wanted[np.newaxis]), shape


def test_base64_in_json_is_the_same_in_every_form() -> None:
    text = base64.b64encode(picture()).decode()
    named = intake([-1, 4, 6, 3], name="image")
    for body, n in [
        ({"inputs": [text, text]}, 2),
        ({"inputs": {"image": [text]}}, 1),
        ({"inputs": {"image": text}}, 1),
        ({"instances": [{"b64": text}]}, 1),
        ({"instances": [{"image": {"b64": text}}, {"image": text}]}, 2),
        ({"data": PIXELS[np.newaxis].tolist()}, 1),
        ([text], 1),
    ]:
        data, n_rows = named.read(json.dumps(body).encode(), "json")
        assert n_rows == n
        assert np.array_equal(data["image"], np.stack([PIXELS] * n))


def test_several_inputs_may_hold_pictures_beside_numbers() -> None:
    both = TensorIntake(
        [Tensor(name="image", dtype="uint8", shape=[-1, 4, 6, 3]), Tensor(name="age", dtype="float64", shape=[-1])]
    )
    text = base64.b64encode(picture()).decode()
    data, n_rows = both.read(json.dumps({"inputs": {"image": [text, text], "age": [1, 2.5]}}).encode(), "json")
    assert (n_rows, data["image"].shape, data["age"].tolist()) == (2, (2, 4, 6, 3), [1, 2.5])
    with pytest.raises(UnsupportedMediaType, match="takes the inputs 'image', 'age'"):
        both.read(picture(), "bytes")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cannot be read as one"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "cannot be read as one"),
        (picture()[:-60], "cannot be read as one"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "cannot be read as one"),
        (picture(pixels=PIXELS[:, :5]), "must be 6 x 4 pixels .* got 5 x 4"),
        (picture(pixels=np.zeros((4, 6), np.uint16)), "8 bits per channel"),
    ],
    ids=["empty", "damaged", "truncated", "PostScript", "another size", "16 bits"],
)
def test_what_is_no_such_picture_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(SchemaMismatch, match=words):
        RGB.read(body, "bytes")


@pytest.mark.parametrize("shape", [[-1, 4, 6, 3], [-1, -1, -1, 3]])
def test_many_pixels_in_few_bytes_are_refused_before_they_take_memory(shape: list[int]) -> None:
    with pytest.raises(SchemaMismatch, match="pixels"):
        intake(shape).read(bomb(9_000, 9_000), "bytes")


def test_bad_base64_is_named_by_its_row() -> None:
    text = base64.b64encode(picture()).decode()
    with pytest.raises(SchemaMismatch, match=r"Row 1 must be a picture as base64; got the string 'not base64'"):
        RGB.read(json.dumps([text, "not base64"]).encode(), "json")
    free = intake([-1, -1, -1, 3])
    other = base64.b64encode(picture(pixels=PIXELS[:2])).decode()
    with pytest.raises(SchemaMismatch, match="different sizes"):
        free.read(json.dumps([text, other]).encode(), "json")
    with pytest.raises(MlopsError, match="must be float64 of shape any x 4"):
        intake([-1, 4], "float64").read(json.dumps([text]).encode(), "json")


def test_bytes_are_one_row_of_a_binary_column_and_nothing_of_others() -> None:
    columns = [Column(name="image", type="binary")]
    table = TableIntake(Schema(columns=columns), assemble.frames(TableSchema(columns)))
    assert table.join([table.read(b"\xff\0", "bytes")[0]])["image"].tolist() == [b"\xff\0"]
    numbers = [Column(name="a", type="double")]
    for other in (
        TableIntake(Schema(columns=numbers), assemble.arrays("float64", 1)),
        LooseIntake(assemble.any_frame),
        RawIntake(TableSchema(numbers)),
        intake([-1, 4], "float64"),
    ):
        with pytest.raises(UnsupportedMediaType, match="The body is bytes"):
            other.read(b"\xff", "bytes")


def test_a_script_gets_the_bytes_as_they_were_sent(
    tmp_path: Path, start: Callable[..., Any], script_bundle: Callable[..., Path]
) -> None:
    source = """
        import hashlib

        def run({name}):
            return hashlib.sha256({name}).hexdigest()
    """
    for name in ("data", "raw_data"):
        server = start(script_bundle(tmp_path / name, source.format(name=name))).ready()
        for media in ("image/png", "application/octet-stream"):
            answer = server.post(picture(), content_type=media)
            assert answer.json == hashlib.sha256(picture()).hexdigest()
