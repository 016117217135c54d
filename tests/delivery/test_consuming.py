"""What goes in comes back as the like, from real replicas; what cannot be is said with the service's own words."""

from __future__ import annotations

import asyncio
import io
import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import jupyter_mlops as ml
from jupyter_mlops.core.errors import BadInput, Remote
from jupyter_mlops.core.manifest import Column, Schema, Tensor
from jupyter_mlops.core.service import Limits, Service
from jupyter_mlops.delivery.calls import BadAddress, ServiceDown
from jupyter_mlops.delivery.calls import score as score_body
from jupyter_mlops.delivery.consuming import BULK, Unscorable, asked, consumer
from jupyter_mlops.delivery.keys import read_keys, replace_key

SCRIPT = """
import time

def run(data):
    if isinstance(data, bytes):
        return {"predictions": [len(data)]}
    if "named" in data.get("inputs", {}):
        return {"predictions": {"a": data["inputs"]["named"], "b": data["inputs"]["k"]}}
    if "b64" in str(data):
        return {"predictions": [len(row["b64"]) for row in data["inputs"]]}
    time.sleep(data.get("sleep_s", 0))
    return data
"""
COLUMNS = Schema(columns=[Column(name="age", type="double"), Column(name="spend", type="double")])


@pytest.fixture(scope="module")
def house(served: Any) -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rows = np.array([[20.0, 1.0], [30.0, 0.0], [40.0, 1.0], [50.0, 0.0]])
    served.start("churn", model=LogisticRegression().fit(rows, ["stays", "stays", "goes", "goes"]), schema=COLUMNS)
    two = LinearRegression().fit(rows, rows * 2)
    served.start("two", model=two, schema=Schema(tensors=[Tensor(dtype="float64", shape=[-1, 2])]))
    served.start("echo", script=SCRIPT, limits=Limits(max_concurrent=1, max_queue=1))
    for replica in served.replicas.values():
        replica.ready()
    return served


@pytest.fixture(autouse=True)
def _here(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(house.world.home)


FRAME = pd.DataFrame({"age": [21, 49.5], "spend": [1.0, 0.0]}, index=["ann", "bob"])


def last(house: Any, name: str) -> dict[str, Any]:
    """The last line that the service's replica logged."""
    time.sleep(0.5)
    return house.replicas[name].lines()[-1]


def test_a_dataframe_comes_back_as_a_series_with_its_index() -> None:
    found = ml.Service("churn").score(FRAME)
    pd.testing.assert_series_equal(found, pd.Series(["stays", "goes"], index=["ann", "bob"]), check_dtype=False)


def test_several_columns_of_predictions_come_back_as_a_dataframe() -> None:
    found = ml.Service("two").score(FRAME)
    np.testing.assert_allclose(found, FRAME * 2, atol=1e-9)
    assert list(found.index) == ["ann", "bob"]


def test_one_row_comes_back_as_its_prediction() -> None:
    assert ml.Service("churn").score(FRAME.iloc[1]) == "goes"


def test_an_array_comes_back_as_an_array() -> None:
    found = ml.Service("two").score(FRAME.to_numpy())
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, FRAME * 2, atol=1e-9)
    assert list(ml.Service("churn").score(FRAME.to_numpy())) == ["stays", "goes"]


def test_arrays_by_name_come_back_by_name() -> None:
    found = ml.Service("echo").score({"named": np.eye(2), "k": np.array([1, 2])})
    assert {name: array.shape for name, array in found.items()} == {"a": (2, 2), "b": (2,)}


def test_a_picture_comes_back_as_its_prediction_and_a_list_as_a_list() -> None:
    picture = Image.new("RGB", (4, 6), "red")
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    echo = ml.Service("echo")
    assert echo.score(picture) == echo.score(sink.getvalue()) == len(sink.getvalue())
    assert len(echo.score([picture, sink.getvalue()])) == 2
    assert [asked(each).media for each in (picture, b"\xff\xd8\xff", b"RIFF1234WEBP", b"?")] == [
        "image/png", "image/jpeg", "image/webp", "application/octet-stream",
    ]  # fmt: skip


def test_anything_else_goes_and_comes_back_as_json_has_it() -> None:
    for data in ({"a": [1, None, {"b": "é"}]}, {"columns": [], "data": []}):
        assert ml.Service("echo").score(data) == data
    with pytest.raises(Unscorable, match="object"):
        ml.Service("echo").score({"a": object()})
    with pytest.raises(Unscorable, match="Complex"):
        ml.Service("two").score(np.array([[1j, 2]]))


def test_many_rows_travel_as_an_arrow_stream_both_ways(house: Any) -> None:
    many = pd.DataFrame(np.random.default_rng(0).normal(30, 9, (BULK, 2)), columns=["age", "spend"])
    many.index += 7
    churn = ml.Service("churn")
    found = churn.score(many)
    few = pd.concat([churn.score(many[at : at + BULK // 4]) for at in range(0, BULK, BULK // 4)])
    pd.testing.assert_series_equal(found, few, check_dtype=False)
    line = last(house, "churn")
    assert line["bytes_in"] < 40 * BULK // 4
    arrow = churn._caller.score(pa_stream(many), "application/vnd.apache.arrow.stream", accept="*/*")
    assert json.loads(arrow.body)["model"] == "m:1"
    two = ml.Service("two").score(many)
    pd.testing.assert_frame_equal(two, (many * 2).set_axis([0, 1], axis=1), check_column_type=False)


def test_many_numbers_travel_as_the_bytes_they_are(house: Any) -> None:
    many = np.random.default_rng(0).normal(30, 9, (BULK, 2))
    np.testing.assert_allclose(ml.Service("two").score(many), many * 2, atol=1e-9)
    line = last(house, "two")
    assert (line["route"], line["bytes_in"] - many.nbytes < 300) == ("/v2/models/m/infer", True)
    churn = ml.Service("churn").score(many)
    assert list(churn) == list(ml.Service("churn").score(pd.DataFrame(many, columns=["age", "spend"])))
    assert churn.dtype == object
    with pytest.raises(Remote, match="shape"):
        ml.Service("two").score(many.reshape(-1, 4))
    assert len(ml.Service("echo").score(many)["inputs"]) == BULK  # a script has its own ideas


def test_a_script_gets_many_rows_in_the_form_of_few() -> None:
    many = pd.DataFrame({"n": range(BULK)})
    assert set(ml.Service("echo").score(many)["dataframe_split"]) == {"columns", "data"}
    mixed = pd.DataFrame({"age": [1.0] * BULK, "spend": [1, "x"] * (BULK // 2)})
    with pytest.raises(Remote, match="'spend' of row 1 must be a number"):  # Arrow has no type for them, JSON has
        ml.Service("churn").score(mixed)


def test_what_the_service_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(Remote) as caught:
        ml.Service("churn").score(FRAME.rename(columns={"age": "aeg"}))
    assert "'aeg'" in caught.value.message
    assert "did you mean 'age'" in caught.value.message
    assert (caught.value.code, caught.value.status) == ("schema-mismatch", 422)
    assert "http://127.0.0.1:" in caught.value.hint


def test_a_service_that_is_full_is_asked_again(house: Any) -> None:
    echo = ml.Service("echo")

    async def many() -> list[Any]:
        return await asyncio.gather(*(echo.score_async({"n": n, "sleep_s": 0.1}) for n in range(6)))

    began = time.monotonic()
    assert [one["n"] for one in asyncio.run(many())] == list(range(6))
    assert time.monotonic() - began >= 1.0  # the pause that the service named
    assert echo.metrics()['mlops_requests_total{route="/score",status="429"}'] >= 1
    hurried = ml.Service("echo", patience_s=0.5)
    with pytest.raises(Remote) as caught:
        asyncio.run(_all(hurried, 6))
    assert caught.value.status == 429
    house.replicas["echo"].wait(lambda: b"in_flight 0" in house.replicas["echo"].get("/metrics").body, "an end")


async def _all(service: Any, n: int) -> None:
    await asyncio.gather(*(service.score_async({"sleep_s": 0.3}) for _ in range(n)))


def test_tasks_do_not_wait_for_each_other() -> None:
    churn = ml.Service("churn")

    async def many() -> list[Any]:
        return await asyncio.gather(*(churn.score_async(FRAME) for _ in range(100)))

    assert len(asyncio.run(many())) == 100
    churn.close()


def test_a_key_that_was_regenerated_is_read_again(house: Any) -> None:
    churn = ml.Service("churn")
    churn.score(FRAME)
    keys = replace_key(house.world, "churn", "primary")
    house.replicas["churn"].set_keys(keys.primary, keys.secondary)
    house.replicas["churn"].wait(lambda: churn.score(FRAME) is not None, "the new key")
    assert churn.keys == read_keys(house.world, "churn") == keys
    assert keys.primary not in repr(churn) + repr(churn._caller.endpoint)
    time.sleep(0.5)  # until the replica knows the new one, and the old one no more
    assert list(churn.score(FRAME)) == ["stays", "goes"]


def test_a_connection_that_ended_meanwhile_is_made_anew() -> None:
    churn = ml.Service("churn")
    churn.score(FRAME)
    churn._caller._idle[0].sock.shutdown(2)
    assert list(churn.score(FRAME)) == ["stays", "goes"]


def test_health_says_what_the_service_says(house: Any) -> None:
    assert ml.Service("churn").health().ready is True
    house.world.catalog.add(Service(name="gone", host="process", deployments=[], port=1))
    from jupyter_mlops.delivery.keys import fresh_keys, keep_keys

    keep_keys(house.world, "gone", fresh_keys())
    found = ml.Service("gone").health()
    assert (found.ready, "'gone' does not answer at http://127.0.0.1:1" in found.status) == (False, True)
    with pytest.raises(ServiceDown, match="'gone' does not answer"):
        ml.Service("gone").score(FRAME)


def test_an_address_and_a_key_will_do(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://{house.replicas['churn'].address}"
    key = read_keys(house.world, "churn").primary
    assert list(ml.Service(address, key=key).score(FRAME)) == ["stays", "goes"]
    with pytest.raises(Remote) as caught:
        ml.Service(address).score(FRAME)
    assert caught.value.status == 401
    monkeypatch.setenv("MLOPS_KEY", key)
    assert list(ml.Service(address).score(FRAME)) == ["stays", "goes"]
    with pytest.raises(BadInput, match="workspace that deployed it"):
        _ = ml.Service(address).keys
    for wrong in ("ftp://x", "http://", "http://x:y"):
        with pytest.raises(BadAddress, match="no address"):
            ml.Service(wrong).score(FRAME)


def test_a_body_as_it_is_scores_too(house: Any) -> None:
    assert score_body(house.world, "churn", b"age,spend\n21,1\n", "text/csv")["predictions"] == ["stays"]
    assert list(consumer(house.world, "churn").score(FRAME)) == ["stays", "goes"]


def pa_stream(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
