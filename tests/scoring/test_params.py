"""Parameters beside the rows are held to their types, have their defaults, and are described."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from jupyter_mlops.core.manifest import Column, Manifest, ManifestModel, Param, Schema
from jupyter_mlops.delivery.schemas import from_signature
from jupyter_mlops.scoring import assemble, openapi
from jupyter_mlops.scoring.intake import TableIntake
from jupyter_mlops.scoring.params import ParamsIntake
from jupyter_mlops.scoring.schema import SchemaMismatch, TableSchema

PARAMS = [
    Param(name="heat", type="double", default=0.5),
    Param(name="top", type="integer"),
    Param(name="stop", type="string", default=["a"], shape=[-1]),
    Param(name="pair", type="long", default=[1, 2], shape=[2]),
]
SCHEMA = Schema(columns=[Column(name="d", type="double")], params=PARAMS)
INTAKE = ParamsIntake(TableIntake(SCHEMA, assemble.frames(TableSchema(SCHEMA.columns))), PARAMS)


def read(**params: Any) -> dict[str, Any]:
    data, n_rows = INTAKE.read(json.dumps({"inputs": [{"d": 1}], "params": params}).encode(), "json")
    frame, values = INTAKE.join([data])
    assert (n_rows, frame["d"].tolist()) == (1, [1.0])
    return values


def test_what_is_given_stands_before_the_default() -> None:
    defaults = {"heat": 0.5, "top": None, "stop": ["a"], "pair": [1, 2]}
    assert read() == defaults
    assert read(heat=1, top=3, stop=[], pair=[3, 4]) == {"heat": 1.0, "top": 3, "stop": [], "pair": [3, 4]}
    for body, media in ((b"d\n1\n", "csv"), (b'{"inputs": [{"d": 1}]}', "json"), (b'[{"d": 1}]', "json")):
        (_, values), _ = INTAKE.read(body, media)
        assert values == defaults


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"heat": "hot"}, "'heat' must be a number; got the string 'hot'"),
        ({"heat": None}, "'heat' must be a number; got null"),
        ({"top": 2**31}, "'top' must be a whole number of 32 bits; got 2147483648"),
        ({"stop": "a"}, "'stop' must be a list of any length; got the string 'a'"),
        ({"stop": ["a", 1]}, "'stop' must be a list, each a string; got a list of 2"),
        ({"pair": [1]}, "'pair' must be a list of 2; got a list of 1"),
        ({"haet": 1}, "no parameter 'haet'; did you mean 'heat'"),
        ({"zzz": 1}, "no parameter 'zzz'; they are 'heat', 'top', 'stop', 'pair'."),
    ],
)
def test_what_does_not_fit_is_named(params: dict[str, Any], words: str) -> None:
    with pytest.raises(SchemaMismatch, match=words):
        read(**params)
    with pytest.raises(SchemaMismatch, match="'params' must be an object; got 5"):
        INTAKE.read(b'{"inputs": [{"d": 1}], "params": 5}', "json")


def test_they_are_read_from_a_signature_and_described() -> None:
    told = [{"name": "heat", "default": 0.5, "shape": None, "type": "double"}, {"name": "stop", "default": None, "shape": [-1], "type": "string"}]  # fmt: skip
    params = from_signature({"inputs": '[{"type": "double", "name": "d"}]', "params": json.dumps(told)}).params
    assert params == [Param(name="heat", type="double", default=0.5), Param(name="stop", type="string", shape=[-1])]
    manifest = Manifest(name="m", version=1, models=[ManifestModel(name="m", version=1)], files=[], schema=SCHEMA)
    document = openapi.openapi(manifest)
    request = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    rooted = {**request, "components": document["components"]}
    jsonschema.validate({"data": [{"d": 1}], "params": {"heat": 1, "stop": ["a"]}}, rooted)
    for wrong in ({"heat": "hot"}, {"zzz": 1}, {"stop": "a"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"data": [{"d": 1}], "params": wrong}, rooted)
