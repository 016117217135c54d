"""The documents describe what the service takes: valid, with both key schemes, and with a sample that scores."""

from __future__ import annotations

from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from jupyter_mlops.core.manifest import Column, Manifest, ManifestModel, Schema, Tensor
from jupyter_mlops.scoring import inference, openapi


@pytest.fixture(scope="module")
def document(iris_server: Any) -> Any:
    return iris_server.get("/openapi.json").json


def test_openapi_has_both_key_schemes_and_every_path(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    schemes = document["components"]["securitySchemes"]
    assert (schemes["bearer"]["scheme"], schemes["apiKey"]["name"]) == ("bearer", "x-api-key")
    assert document["security"] == [{"bearer": []}, {"apiKey": []}]
    opens = {"/health/live", "/health/ready", "/metrics"}
    assert set(document["paths"]) == {"/score", "/invocations", "/v2/models/iris/infer"} | opens
    assert document["paths"]["/health/ready"]["get"]["security"] == []


@pytest.mark.parametrize("path", ["/score", "/invocations"])
def test_the_example_scores_and_fits_the_schema(iris_server: Any, document: Any, path: str) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    rooted = {**content["schema"], "components": document["components"]}
    jsonschema.validate(content["example"], rooted, cls=jsonschema.Draft202012Validator)
    answer = iris_server.post(content["example"], path)
    assert answer.json["predictions"] == [0, 0, 0]
    answers = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json, answers, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": [{"age": 1}]}, rooted, cls=jsonschema.Draft202012Validator)


def test_each_content_type_that_is_named_is_read(iris_server: Any, document: Any) -> None:
    named = set(document["paths"]["/score"]["post"]["requestBody"]["content"])
    assert named == {"application/json", "text/csv", "application/vnd.apache.arrow.stream"}
    assert {iris_server.post(b"", content_type=media).status for media in named} == {400}
    picture = Schema(tensors=[Tensor(dtype="uint8", shape=[-1, 8, 8, 3])])
    manifest = Manifest(name="m", version=1, models=[ManifestModel(name="m", version=1)], files=[], schema=picture)
    assert "image/*" in openapi.openapi(manifest)["paths"]["/score"]["post"]["requestBody"]["content"]


def test_v2_requests_and_answers_fit_their_schemas(iris_server: Any, document: Any) -> None:
    post = document["paths"]["/v2/models/iris/infer"]["post"]
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 3, 4]}
    answer = iris_server.post({"inputs": [tensor]}, "/v2/models/iris/infer").json
    for content, value in [(post["requestBody"], {"inputs": [tensor]}), (post["responses"]["200"], answer)]:
        rooted = {**content["content"]["application/json"]["schema"], "components": document["components"]}
        jsonschema.validate(value, rooted, cls=jsonschema.Draft202012Validator)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({}, rooted, cls=jsonschema.Draft202012Validator)


def test_problems_fit_their_schema(iris_server: Any, document: Any) -> None:
    problem = iris_server.post({"data": [{"age": 1}]}).json
    jsonschema.validate(problem, document["components"]["schemas"]["Problem"])


def test_swagger_is_2_0_with_key_schemes_and_the_sample(iris_server: Any, document: Any) -> None:
    swagger = iris_server.get("/swagger.json").json
    assert swagger["swagger"] == "2.0"
    assert swagger["securityDefinitions"]["apiKey"] == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    assert swagger["securityDefinitions"]["bearer"]["name"] == "Authorization"
    sample = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert swagger["definitions"]["Request"]["example"] == sample
    assert set(swagger["definitions"]["Row"]["required"]) == set(swagger["definitions"]["Row"]["properties"])


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (Schema(), [{"a": 1}, 5, [[1]]], []),
        (
            Schema(columns=[Column(name="who", type="string"), Column(name="n", type="long", required=False)]),
            [
                {"data": [{"who": "a", "n": None}]},
                {"columns": {"who": ["a"]}},
                {"inputs": {"who": ["a"], "n": [1]}},
                {"dataframe_split": {"columns": ["n", "who"], "index": [0, 1], "data": [[None, "a"], [1, "b"]]}},
                {"data": [["a", 1], ["b", None]]},
                [["a", 1]],
                [{"who": "a"}],
            ],
            [
                {"data": [{"n": 1}]},
                {"data": [{"who": 1}]},
                {"rows": []},
                {"data": [], "columns": {}},
                {"data": [], "colour": 1},
                {"data": [["a"]]},
                {"columns": {"who": ["a"], "age": [1]}},
                {"dataframe_split": {"columns": ["who"], "data": [[{}]]}},
                {"dataframe_split": {"columns": ["other"], "data": []}},
                {"dataframe_split": {"columns": ["who", "n"], "data": [["a", 1, 2]]}},
            ],
        ),
        (
            Schema(tensors=[Tensor(dtype="float64", shape=[-1, 2])]),
            [{"data": [[1, 2]]}, {"inputs": []}, [[1, 2]]],
            [{"data": [[1]]}, {"data": [[1, 2]], "inputs": [[1, 2]]}],
        ),
        (
            Schema(tensors=[Tensor(name="a", dtype="int32", shape=[-1]), Tensor(name="b", dtype="bool", shape=[-1])]),
            [{"inputs": {"a": [1], "b": [True]}}],
            [{"inputs": {"a": [1]}}],
        ),
    ],
)
def test_each_kind_of_schema_is_described(schema: Schema, good: list[Any], bad: list[Any]) -> None:
    model = ManifestModel(name="m", version=2, flavor="sklearn")
    manifest = Manifest(name="m", version=1, models=[model], files=[], schema=schema)
    document = openapi.openapi(manifest)
    request = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    rooted = {**request, "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(request)
    for body in good:
        jsonschema.validate(body, rooted, cls=jsonschema.Draft202012Validator)
    for body in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(body, rooted, cls=jsonschema.Draft202012Validator)
    assert openapi.swagger(manifest)["definitions"]["Request"] is not None
    openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
    openapi_spec_validator.validate(openapi.swagger(manifest), cls=openapi_spec_validator.OpenAPIV2SpecValidator)
    assert inference.metadata(manifest)


def test_a_script_without_models_is_described_by_its_manifest() -> None:
    manifest = Manifest(name="rules", version=4, models=[], files=[], script="code/score.py")
    assert openapi.openapi(manifest)["info"]["title"] == "rules 4"
    assert inference.served(manifest) == ("rules", "4")


ROW = {"age": 1.5, "n": 2}


@pytest.mark.parametrize(
    "sample",
    [
        {"data": [ROW]}, {"data": [[1.5, 2]]}, [ROW], [[1.5, 2]], {"columns": {"age": [1.5], "n": [2]}}, {"inputs": [ROW]},
        {"dataframe_split": {"columns": ["age", "n"], "data": [[1.5, 2]]}}, {"inputs": [[1.5, 2]]},
    ],
)  # fmt: skip
def test_every_form_of_sample_fits_both_documents(sample: Any) -> None:
    columns = Schema(columns=[Column(name="age", type="double"), Column(name="n", type="long")])
    tensors = Schema(tensors=[Tensor(dtype="float64", shape=[-1, 2])])
    bare = sample if isinstance(sample, list) else next(iter(sample.values()))
    for schema in (columns, tensors):
        if schema is tensors and not isinstance(bare[0] if isinstance(bare, list) else bare, list):
            continue  # rows by name are none of its forms
        manifest = Manifest(
            name="m", version=1, models=[ManifestModel(name="m", version=1)], files=[], schema=schema, sample=sample
        )
        document, swagger = openapi.openapi(manifest), openapi.swagger(manifest)
        openapi_spec_validator.validate(document, cls=openapi_spec_validator.OpenAPIV31SpecValidator)
        openapi_spec_validator.validate(swagger, cls=openapi_spec_validator.OpenAPIV2SpecValidator)
        request = document["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(sample, {**request, "components": document["components"]})
        jsonschema.validate(sample, {**swagger["definitions"]["Request"], "definitions": swagger["definitions"]})
