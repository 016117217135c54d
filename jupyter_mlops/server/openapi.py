"""The OpenAPI 3.1 document, made from the table. ``python -m jupyter_mlops.server.openapi`` prints it."""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Iterable, Sequence
from functools import cache
from http.client import responses
from typing import Any, Final

import msgspec

from jupyter_mlops._version import __version__
from jupyter_mlops.core.errors import Problem
from jupyter_mlops.server.row import Download, Raw, Row

REF: Final = "#/components/schemas/{name}"


def document(rows: Sequence[Row] | None = None, *, base_url: str = "/") -> dict[str, Any]:
    """Return the document for ``rows``, the whole table unless given, of a server at ``base_url``."""
    if rows is None:
        from jupyter_mlops.server.routes import ROUTES

        rows = ROUTES
    schemas = _Schemas(rows)
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(f"/{row.path}", {})[row.method.lower()] = _operation(row, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyter-mlops",
            "version": __version__,
            "description": "Runs, models, images and services of the workspace that a Jupyter Server serves.",
        },
        "servers": [{"url": f"{base_url.rstrip('/')}/mlops/api"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token ...` with Jupyter Server's token; a browser's cookie and XSRF token do as well.",
                }
            },
        },
    }


class _Schemas:
    """Schemas of all bodies, replies and query parameters."""

    def __init__(self, rows: Iterable[Row]) -> None:
        bodies = [row.body for row in rows if row.body not in (None, Raw)]
        replies = [_element(row) for row in rows if row.reply not in (None, Download)]
        queries = [query.type for row in rows for query in row.in_query.values()]
        parts = [kind for row in rows for kind in row.path_types.values()]
        kinds = [*replies, *queries, *parts, *bodies, Problem]
        made, self.components = msgspec.json.schema_components(kinds, ref_template=REF)
        _settle(list(made))
        self._made = list(zip(kinds, made, strict=True))
        sent = msgspec.json.schema_components(bodies, ref_template=REF)[1].keys()
        _settle(self.components)
        for name, schema in self.components.items():
            if name not in sent and "properties" in schema:
                # What the server sends has every field; only what it takes has some that may be left out.
                schema["required"] = list(schema["properties"])

    def of(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type that was among the rows'."""
        return next(dict(schema) for made_for, schema in self._made if made_for == kind)


def _settle(node: Any) -> None:
    """Take out what differs between versions of Python and msgspec: docstrings' indentation and the order of choices."""
    if isinstance(node, dict):
        if isinstance(node.get("description"), str):
            node["description"] = inspect.cleandoc(node["description"])
        if "anyOf" in node:
            node["anyOf"].sort(
                key=lambda one: (one == {"type": "null"}, "enum" in one, json.dumps(one, sort_keys=True))
            )
        for value in node.values():
            _settle(value)
    elif isinstance(node, list):
        for value in node:
            _settle(value)


def _element(row: Row) -> Any:
    return typing.get_args(row.reply)[0] if row.is_list else row.reply


def _operation(row: Row, schemas: _Schemas) -> dict[str, Any]:
    text = inspect.cleandoc(row.function.__doc__ or "")
    operation: dict[str, Any] = {
        "operationId": row.function.__name__,
        "tags": [row.path.split("/")[0]],
        "summary": text.partition("\n")[0],
        "x-action": row.needs,
        "parameters": [*_path_parameters(row, schemas), *_query_parameters(row, schemas)],
        "responses": {
            str(row.status): _success(row, schemas),
            "default": {
                "description": "Why not, and what to do.",
                "content": {"application/problem+json": {"schema": schemas.of(Problem)}},
            },
        },
    }
    if row.body is Raw:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": {}}, "*/*": {}}}
    elif row.body is not None:
        content = {"application/json": {"schema": schemas.of(row.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(row: Row, schemas: _Schemas) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.of(kind)}
        for name, kind in row.path_types.items()
    ]


def _query_parameters(row: Row, schemas: _Schemas) -> list[dict[str, Any]]:
    found = []
    for name, query in row.in_query.items():
        schema = schemas.of(query.type)
        if not query.required and query.default is not None:
            schema["default"] = query.default
        found.append({"name": name, "in": "query", "required": query.required, "schema": schema})
    return found


def _success(row: Row, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": responses[row.status]}
    if row.reply is Download:
        answer["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    elif row.reply is not None:
        schema = schemas.of(_element(row))
        if row.is_list:
            schema = {
                "type": "object",
                "properties": {"items": {"type": "array", "items": schema}},
                "required": ["items"],
            }
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


@cache
def text(base_url: str = "/") -> str:
    """Return the document as it is committed for the labextension."""
    return json.dumps(document(base_url=base_url), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
