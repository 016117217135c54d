"""What follows from a row of the table."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.server.routes import ROUTES
from jupyter_mlops.server.row import BadBody, BadPath, BadQuery, Body, Raw, Row


class Dish(Body, frozen=True, kw_only=True):
    name: str
    price: float = 0.0
    tags: dict[str, str | None] = {}


def cook(world: Any, name: str, step: Annotated[int, Meta(ge=1)], *, hot: bool = True, size: Literal["s", "l"]) -> Any:
    """Cook."""
    return (world, name, step, hot, size)


def row(method: Any = "GET", path: str = "dishes/{name}/{step}", reply: Any = Any, body: Any = None) -> Row:
    return Row(method, path, cook, body, reply)


def test_the_function_gets_the_path_in_order_and_the_query_by_name():
    one = row()
    given = one.query({"size": "l", "hot": "false", "1690000000": ""})

    assert one.call(one.path_values(["soup:1", "2"]), given | {"world": "w", "place": "p"}) == (
        "w",
        "soup:1",
        2,
        False,
        "l",
    )


def test_reading_and_writing_follow_from_the_method_unless_the_row_says():
    assert row().needs == "read"
    assert row("POST").needs == row("PATCH").needs == row("DELETE").needs == "write"
    assert Row("GET", "x/{name}/{step}", cook, None, Any, "write").needs == "write"


@pytest.mark.parametrize(
    ("method", "path", "reply", "status"),
    [
        ("GET", "dishes", list[Activity], 200),
        ("GET", "activities/{id}", Activity, 200),
        ("POST", "dishes", str, 201),
        ("POST", "dishes/{name}/cook", str, 200),
        ("POST", "dishes/wash", str, 200),
        ("POST", "services", Activity, 202),
        ("DELETE", "services/{name}", Activity, 202),
        ("DELETE", "dishes/{name}", None, 204),
    ],
)
def test_the_status_follows_from_the_row(method, path, reply, status):
    assert row(method, path, reply).status == status


def test_a_part_of_the_address_of_the_wrong_type_is_named():
    with pytest.raises(BadPath, match="'first' is no step in this address: expected `int`"):
        row().path_values(["soup", "first"])
    with pytest.raises(BadPath, match="'0' is no step"):
        row().path_values(["soup", "0"])


def test_a_wrong_or_missing_query_parameter_is_named():
    with pytest.raises(BadQuery, match="query parameter 'size' is wrong: invalid enum value 'xl'"):
        row().query({"size": "xl"})
    with pytest.raises(BadQuery, match="query parameter 'size' is missing"):
        row().query({})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"name": 1}', r"expected `str`, got `int` at `\$\.name`"),
        (b"{}", "object missing required field `name`"),
        (b'{"name": "x", "pirce": 1}', "object contains unknown field `pirce`"),
        (b'{"name": "x", "price": "1"}', r"expected `float`, got `str` at `\$\.price`"),
        (b'{"name": "x", "tags": {"a": 1}}', r"expected `str \| null`, got `int` at `\$\.tags\[...\]`"),
        (b"[]", "expected `object`, got `array`"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"name=x", "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_wrong_body_is_told_by_its_field(body, sentence):
    with pytest.raises(BadBody, match=sentence) as caught:
        row("POST", body=Dish).decode(body, "")

    assert caught.value.hint == "Send a JSON object with name, price?, tags? (? may be left out)."


def test_a_raw_body_goes_on_as_it_came():
    assert row("POST", body=Raw).decode(b"\xff", "image/png") == Raw(data=b"\xff", content_type="image/png")


@pytest.mark.parametrize("one", ROUTES, ids=lambda one: f"{one.method} {one.path}")
def test_every_row_of_the_table_fits_its_function(one):
    assert list(one.path_types) == one.in_path
    assert ("body" in one.takes) == (one.body is not None)
    assert one.function.__doc__
