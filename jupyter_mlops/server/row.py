"""A row of the REST table, and what follows from it: who may call it, what it takes, how it answers."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import Record, convert, decode

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Action = Literal["read", "write", "execute"]

GIVEN = ("world", "place", "body")
"""Parameters by these names are handed over by the handler; the others come from the path and the query."""


class Body(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every request body: a field that it does not have is refused by name."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A request body that goes on as it came, of any content type."""

    data: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """A reply that is a file."""

    path: Path


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A reply that goes on as another server gave it, an error too."""

    status: int
    data: bytes
    media: str
    headers: Mapping[str, str]
    """What to tell beside it."""


class BadBody(BadInput):
    """A request body is not what the route takes."""

    code = "bad-body"


class BadPath(BadInput):
    """A part of the address is not what the route takes."""

    code = "bad-path"


class BadQuery(BadInput):
    """A query parameter is not what the route takes."""

    code = "bad-query"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query parameter, as the function's signature has it."""

    type: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether a request without it is refused."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True)
class Row:
    """One REST route.

    ``path`` is relative to ``mlops/api/`` with ``{parameters}``, which are handed to ``function`` in
    their order; its keyword-only parameters are the query. ``{path}`` may hold slashes, the others
    not. ``body`` is a record, ``Raw`` or ``None``. ``reply`` is a record, ``list[record]`` (sent as
    ``{"items": [...]}``), ``Download``, or ``None`` (204). Functions run in a thread.
    """

    method: Method
    path: str
    function: Callable[..., Any]
    body: Any
    reply: Any
    action: Action | None = None

    @property
    def needs(self) -> Action:
        """What Jupyter Server's authorizer is asked for, on the resource ``mlops``."""
        return self.action or ("read" if self.method == "GET" else "write")

    @property
    def is_list(self) -> bool:
        """Whether the reply is wrapped in ``{"items": [...]}``."""
        return typing.get_origin(self.reply) is list

    @property
    def has_items(self) -> bool:
        """Whether the reply is a list of things, or a page of them: a record of its own with ``items``."""
        return self.is_list or "items" in getattr(self.reply, "__struct_fields__", ())

    @property
    def is_collection(self) -> bool:
        """Whether it is about all things of a kind: an empty list where there is no workspace, and the first write makes one.

        What is done to them (``snapshots/gc``) makes nothing.
        """
        return "/" not in self.path

    @property
    def status(self) -> int:
        """The HTTP status of success."""
        if self.reply is None:
            return 204
        if self.method == "GET":
            return 200
        if self.reply is Activity:
            return 202
        return 201 if self.method == "POST" and self.is_collection else 200

    @property
    def in_path(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def pattern(self) -> str:
        """The path as a regular expression. Parameters are matched percent-encoded, so ``%2F`` is no slash."""
        segments = {"{path}": "(.+)"} | {f"{{{name}}}": "([^/]+)" for name in self.in_path if name != "path"}
        return "/".join(segments.get(segment) or re.escape(segment) for segment in self.path.split("/"))

    @cached_property
    def takes(self) -> frozenset[str]:
        """Which of ``GIVEN`` the function wants."""
        return frozenset(GIVEN) & frozenset(self._parameters)

    @cached_property
    def in_query(self) -> Mapping[str, Query]:
        """The query parameters, by name."""
        return {
            name: Query(type=self._hints[name], default=parameter.default)
            for name, parameter in self._parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and name not in GIVEN
        }

    @cached_property
    def path_types(self) -> Mapping[str, Any]:
        """Types of the path's parameters, by the path's names for them."""
        types = [self._hints[name] for name in self._positional if name not in GIVEN]
        return dict(zip(self.in_path, types, strict=True))

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    @cached_property
    def _positional(self) -> list[str]:
        return [name for name, given in self._parameters.items() if given.kind is not given.KEYWORD_ONLY]

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        return typing.get_type_hints(self.function, include_extras=True)

    def call(self, captured: Sequence[Any], given: Mapping[str, Any]) -> Any:
        """Call the function with the path's parameters and, by name, what else it takes."""
        path = iter(captured)
        positional = [given[name] if name in GIVEN else next(path) for name in self._positional]
        return self.function(*positional, **{name: value for name, value in given.items() if name not in GIVEN})

    def path_values(self, captured: Sequence[str]) -> list[Any]:
        """Convert the path's parameters. Raises ``BadPath``."""
        values = []
        for (name, kind), text in zip(self.path_types.items(), captured, strict=True):
            try:
                values.append(convert(text, kind, strict=False))
            except msgspec.ValidationError as error:
                raise BadPath(f"{text!r} is no {name} in this address: {_lower(error)}.") from error
        return values

    def query(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Convert a request's query. Others' parameters (cache busters, tokens) are let be. Raises ``BadQuery``."""
        found: dict[str, Any] = {}
        for name, query in self.in_query.items():
            if name in given:
                try:
                    found[name] = convert(given[name], query.type, strict=False)
                except msgspec.ValidationError as error:
                    raise BadQuery(f"The query parameter {name!r} is wrong: {_lower(error)}.") from error
            elif query.required:
                raise BadQuery(f"The query parameter {name!r} is missing.", hint=f"Add ?{name}=... to the address.")
        return found

    def decode(self, data: bytes, content_type: str) -> Any:
        """Decode a request's body. Raises ``BadBody`` naming the field."""
        if self.body is Raw:
            return Raw(data=data, content_type=content_type)
        try:
            return decode(data, self.body)
        except msgspec.ValidationError as error:
            raise BadBody(f"The body is wrong: {_lower(error)}.", hint=_fields(self.body)) from error
        except msgspec.DecodeError as error:
            raise BadBody(f"The body is not JSON: {_lower(error)}.", hint=_fields(self.body)) from error


def _lower(error: Exception) -> str:
    text = str(error).replace(" - at ", " at ")
    return text[:1].lower() + text[1:]


def _fields(body: Any) -> str:
    names = [f"{field.name}{'' if field.required else '?'}" for field in msgspec.structs.fields(body)]
    return f"Send a JSON object with {', '.join(names)} (? may be left out)."
