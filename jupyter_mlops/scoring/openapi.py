"""What the service takes and answers, as OpenAPI 3.1 and Swagger 2.0 documents with the manifest's sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from jupyter_mlops.core.manifest import Column, Manifest, Param, Schema, Tensor
from jupyter_mlops.core.service import Limits
from jupyter_mlops.scoring import arrow
from jupyter_mlops.scoring.codec import ARROW
from jupyter_mlops.scoring.inference import DTYPES, served

Json = dict[str, Any]

TYPES: Final[dict[str, Json]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
    "any": {},
}
NULL: Final[dict[bool, list[Json]]] = {True: [], False: [{"type": "null"}]}
"""What else may stand in a column that is required, or not."""
PROBLEM: Final[Json] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "urn:jupyter-mlops:CODE, which does not change"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence that names what is wrong"},
        "code": {"type": "string"},
        "hint": {"type": "string", "description": "What to do"},
        "column": {"type": "string"},
        "row": {"type": "integer"},
    },
}
ANSWERS: Final = {
    "400": "The body cannot be read; `detail` says where",
    "401": "No key, or a wrong one",
    "413": "The body is too large",
    "415": "The content type is not read here",
    "422": "The body does not fit the schema; `detail` names column, row and expectation",
    "429": "The replica is full; try again after `Retry-After` seconds",
    "500": "The scoring script raised, or what it returned is not JSON",
    "503": "The model is still being loaded",
    "504": "The model did not answer in time",
}


def openapi(manifest: Manifest) -> Json:
    """Return the OpenAPI 3.1 document."""
    name, version = served(manifest)
    posts = {
        "/score": _post(manifest, "Score rows", "score", _answer(manifest)),
        "/invocations": _post(
            manifest, "Score rows, as MLflow's server does", "invocations", _predictions(manifest.schema)
        ),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name} {version}", "version": str(manifest.version), "description": _words(manifest)},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": {
            **{path: {"post": post} for path, post in posts.items()},
            f"/v2/models/{name}/infer": {"post": _infer()},
            **{path: {"get": _get(path, words)} for path, words in OPEN.items()},
        },
        "components": {
            "schemas": {"Row": _row(manifest.schema.columns), "Tensor": TENSOR, "Problem": PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _post(manifest: Manifest, summary: str, operation: str, answer: Json) -> Json:
    body: Json = {"schema": _request(manifest.schema)}
    if manifest.sample is not None:
        body["example"] = manifest.sample
    medias = {media: {"schema": schema} for media, schema in _medias(manifest).items()}
    answers: Json = {"application/json": {"schema": answer}}
    if operation == "score" and manifest.script is None and arrow.is_here():
        answers[ARROW] = {"schema": {}}
    return _operation(summary, operation, {"application/json": body, **medias}, answers)


def _operation(summary: str, operation: str, takes: Json, answers: Json) -> Json:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "summary": summary,
        "operationId": operation,
        "requestBody": {"required": True, "content": takes},
        "responses": {
            "200": {"description": "The predictions", "content": answers},
            **{status: {"description": words, "content": problem} for status, words in ANSWERS.items()},
        },
    }


def _medias(manifest: Manifest) -> Json:
    """Return what is taken beside JSON, as schemas by content type; ``{}`` stands for bytes."""
    medias: Json = {"text/csv": {"type": "string"}, **({ARROW: {}} if arrow.is_here() else {})}
    if manifest.takes_bytes:
        medias |= {"image/*": {}, "application/octet-stream": {}}
    return medias


INFERENCE: Final[Json] = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Tensor"}},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
            },
        },
    },
}
TENSOR: Final[Json] = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"type": "string", "enum": list(DTYPES)},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}, "description": "Flat or nested, row by row"},
    },
}
INFERRED: Final[Json] = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
    },
}


def _infer() -> Json:
    """Binary tensors are described by the protocol, not here: OpenAPI has no words for bytes behind JSON."""
    takes = {"application/json": {"schema": INFERENCE}}
    return _operation(
        "Score named tensors (Open Inference Protocol v2)", "infer", takes, {"application/json": {"schema": INFERRED}}
    )


OPEN: Final = {
    "/health/live": "Whether the process answers",
    "/health/ready": "Whether the model is loaded and its sample scored",
    "/metrics": "Counters for Prometheus",
}
"""Paths that need no key."""


def _get(path: str, words: str) -> Json:
    media = "text/plain" if path == "/metrics" else "application/json"
    schema = {"type": "string"} if path == "/metrics" else {"type": "object"}
    responses = {"200": {"description": "It is so", "content": {media: {"schema": schema}}}}
    if path == "/health/ready":
        responses["503"] = {"description": "Not yet, or no longer", "content": {media: {"schema": schema}}}
    return {"summary": words, "operationId": path.strip("/").replace("/", "_"), "security": [], "responses": responses}


def swagger(manifest: Manifest) -> Json:
    """Return the Swagger 2.0 document."""
    name, version = served(manifest)
    request = _swagger_request(manifest.schema, manifest.sample)
    if manifest.sample is not None:
        request["example"] = manifest.sample
    predictions = {"type": "object", "properties": {"predictions": {}}}
    answer = {"type": "object", "properties": {"predictions": {}, "model": {"type": "string"}}}
    ready = {
        "summary": OPEN["/health/ready"],
        "operationId": "health_ready",
        "security": [],
        "responses": {"200": {"description": "It is so"}, "503": {"description": "Not yet, or no longer"}},
    }
    return {
        "swagger": "2.0",
        "info": {"title": f"{name} {version}", "version": str(manifest.version), "description": _words(manifest)},
        "basePath": "/",
        "produces": ["application/json", "application/problem+json"],
        "securityDefinitions": {
            "bearer": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Bearer KEY`"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": {
            "/score": {"post": _swagger_post("Score rows", "score", {} if manifest.script else answer)},
            "/invocations": {"post": _swagger_post("Score rows, as MLflow's server does", "invocations", predictions)},
            "/health/ready": {"get": ready},
        },
        "definitions": {"Request": request, "Row": _row(manifest.schema.columns, null=False), "Problem": PROBLEM},
    }


def _swagger_post(summary: str, operation: str, answer: Json) -> Json:
    problem = {"$ref": "#/definitions/Problem"}
    return {
        "summary": summary,
        "operationId": operation,
        "consumes": ["application/json"],
        "parameters": [{"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Request"}}],
        "responses": {
            "200": {"description": "The predictions", "schema": answer},
            **{status: {"description": words, "schema": problem} for status, words in ANSWERS.items()},
        },
    }


def _words(manifest: Manifest) -> str:
    limits = Limits()
    return (
        f"Manifest {manifest.ref}. Send a key as `Authorization: Bearer KEY` or `x-api-key: KEY`. Missing numbers are null,"
        f" in requests and in answers (NaN and infinities have no JSON). Bodies hold at most {limits.max_body_bytes} bytes"
        " unless the service says otherwise."
    )


def _row(columns: Sequence[Column], *, null: bool = True) -> Json:
    """Return the schema of one row as an object."""
    if not columns:
        return {"type": "object"}
    properties = {}
    for column in columns:
        kind = dict(TYPES[column.type])
        if null and "type" in kind and not column.required:
            kind["type"] = [kind["type"], "null"]
        properties[column.name] = kind
    required = [column.name for column in columns if column.required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _request(schema: Schema) -> Json:
    """Return the forms that a body may have: rows or inputs, or an object that holds them (and ``params``) by one name."""
    if schema.tensors:
        inputs = _tensors(schema.tensors)
        return {"anyOf": [*(_form(schema, name, inputs) for name in ("data", "inputs", "instances")), inputs]}
    if not schema.columns:
        return {}
    of_values = {**_values(schema.columns), "minItems": len(schema.columns)}
    rows = {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Row"}, of_values]}}
    columns = {
        "type": "object",
        "properties": {column.name: {"type": "array", "items": TYPES[column.type]} for column in schema.columns},
        "required": [column.name for column in schema.columns if column.required],
        "additionalProperties": False,
    }
    forms: dict[str, Json] = {
        "data": rows,
        "dataframe_records": rows,
        "columns": columns,
        "inputs": {"anyOf": [rows, columns]},
        "dataframe_split": _split(schema.columns),
    }
    return {"anyOf": [*(_form(schema, name, form) for name, form in forms.items()), rows]}


def _form(schema: Schema, name: str, content: Json) -> Json:
    form = {**_object(name, content), "additionalProperties": False}
    if schema.params:
        params = {param.name: _param(param) for param in schema.params}
        form["properties"]["params"] = {"type": "object", "properties": params, "additionalProperties": False}
    return form


def _param(param: Param) -> Json:
    kind = TYPES[param.type]
    described = kind if param.shape is None else {"type": "array", "items": kind}
    return described if param.default is None else {**described, "default": param.default}


def _object(name: str, schema: Json) -> Json:
    return {"type": "object", "required": [name], "properties": {name: schema}}


def _split(columns: Sequence[Column]) -> Json:
    """Return the schema of names and rows, which are in the order that the names give."""
    n_required = sum(column.required for column in columns)
    return {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {
                "type": "array",
                "items": {"enum": [column.name for column in columns]},
                "uniqueItems": True,
                "minItems": n_required,
            },
            "index": {},
            "data": {"type": "array", "items": {**_values(columns), "minItems": n_required}},
        },
    }


def _values(columns: Sequence[Column]) -> Json:
    """Return the schema of a row as a list: its order may be another, so each value may be of any column's type."""
    kinds: list[Json] = []
    for column in columns:
        kinds += [kind for kind in [TYPES[column.type], *NULL[column.required]] if kind not in kinds]
    return {"type": "array", "items": {} if {} in kinds else {"anyOf": kinds}, "maxItems": len(columns)}


def _swagger_request(schema: Schema, sample: Any) -> Json:
    """Swagger 2.0 has no alternatives: the forms are optional members of one object, and rows are as the sample has them."""
    if schema.tensors:
        inputs = _tensors(schema.tensors)
        return (
            inputs if isinstance(sample, list) else {"type": "object", "properties": {"data": inputs, "inputs": inputs}}
        )
    if not schema.columns:
        return {}
    bare = isinstance(sample, list)
    given = sample if bare else sample.get("data") if isinstance(sample, dict) else None
    as_lists = isinstance(given, list) and bool(given) and isinstance(given[0], list)
    row: Json = {"type": "array", "items": {}} if as_lists else {"$ref": "#/definitions/Row"}
    rows = {"type": "array", "items": row}
    if bare:
        return rows
    return {
        "type": "object",
        "properties": {"data": rows, "dataframe_records": rows, "dataframe_split": {"type": "object"}},
    }


def _tensors(tensors: Sequence[Tensor]) -> Json:
    if len(tensors) == 1 and not tensors[0].name:
        return _nested(tensors[0])
    return {
        "type": "object",
        "required": [tensor.name for tensor in tensors],
        "properties": {tensor.name: _nested(tensor) for tensor in tensors},
    }


def _nested(tensor: Tensor) -> Json:
    kinds = {"f": {"type": "number"}, "i": {"type": "integer"}, "u": {"type": "integer"}, "b": {"type": "boolean"}}
    schema: Json = dict(kinds.get(tensor.dtype[:1], {}))
    for length in reversed(tensor.shape):
        schema = {"type": "array", "items": schema}
        if length >= 0:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def _predictions(schema: Schema) -> Json:
    items: Json = {}
    if len(schema.output_tensors) == 1:
        return _object("predictions", _nested(schema.output_tensors[0]))
    if schema.output_columns:
        items = _row(schema.output_columns) if len(schema.output_columns) > 1 else TYPES[schema.output_columns[0].type]
    return _object("predictions", {"type": "array", "items": items} if items else {})


def _answer(manifest: Manifest) -> Json:
    if manifest.script is not None:
        return {"description": "What the scoring script returns"}
    answer = _predictions(manifest.schema)
    answer["properties"] = {**answer["properties"], "model": {"type": "string"}}
    return answer
