"""A bundle becomes a scorer that answers as the model does, or is refused by name before it answers at all."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, ManifestModel, Schema
from jupyter_mlops.scoring.bundle import read_manifest, verify
from jupyter_mlops.scoring.loader import PackageMissing, UntrustedTypes, load


def opened(bundle: Path) -> Any:
    said: list[str] = []
    manifest = read_manifest(bundle)
    verify(bundle, manifest)
    scorer = load(bundle, manifest, lambda message, _stack: said.append(message))
    scorer.said = said  # type: ignore[attr-defined]
    return scorer


def score(scorer: Any, *bodies: Any) -> list[Any]:
    read = [scorer.intake.read(json.dumps(body).encode(), "json") for body in bodies]
    outcomes = scorer.score([data for data, _ in read], [n for _, n in read])
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [np.asarray(outcome).tolist() for outcome in outcomes]


def doubled(frame: Any) -> Any:
    return frame * 2


@pytest.mark.parametrize("form", ["skops", "cloudpickle", "pickle"])
def test_each_of_mlflows_file_formats_is_loaded(
    tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any, iris_model: Any, form: str
) -> None:
    scorer = opened(save_sklearn(tmp_path / "b", iris_model, iris.data, form=form))
    assert "quick path" in scorer.said[0]
    assert score(scorer, iris.data.to_numpy().tolist()) == [iris_model.predict(iris.data).tolist()]


def test_a_model_of_mixed_columns_gets_a_data_frame(tmp_path: Path, save_sklearn: Callable[..., Path]) -> None:
    frame = pd.DataFrame(
        {
            "city": ["Ulm", "Bonn", "Ulm", "Bonn"],
            "rooms": [1, 2, 3, 4],
            "area": [20.0, 40.5, 60, 80],
            "new": [True, False] * 2,
        }
    )
    price = [1.0, 2.0, 3.5, 4.0]
    encode = ColumnTransformer([("city", OneHotEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(encode, LinearRegression()).fit(frame, price)
    scorer = opened(save_sklearn(tmp_path / "b", model, frame))
    one, two = score(scorer, frame.head(1).to_dict("records"), {"columns": frame.to_dict("list")})
    assert [*one, *two] == pytest.approx([*model.predict(frame.head(1)), *model.predict(frame)])
    with pytest.raises(MlopsError, match=r"'rooms' of row 0 must be a whole number of 64 bits; got 1\.5"):
        score(scorer, [["Ulm", 1.5, 1, True]])
    with pytest.raises(MlopsError, match="'city' of row 0 must be a string; got 5"):
        score(scorer, [[5, 1, 1, True]])
    with pytest.raises(MlopsError, match="'new' of row 0 must be true or false; got 1"):
        score(scorer, [["Ulm", 1, 1, 1]])
    with pytest.raises(MlopsError, match="'rooms' of row 0 must be a whole number of 64 bits; got null"):
        score(scorer, [["Ulm", None, 1, True]])
    with pytest.raises(MlopsError, match=r"The model refused this input: ValueError: Found unknown categories"):
        score(scorer, [["Rom", 1, 1, True]])


def test_estimators_that_hand_on_what_they_get_are_given_a_data_frame(
    tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any
) -> None:
    model = make_pipeline(FunctionTransformer(doubled), LogisticRegression(max_iter=500)).fit(iris.data, iris.target)
    scorer = opened(save_sklearn(tmp_path / "b", model, iris.data, form="cloudpickle"))
    assert "quick path" not in scorer.said[0]
    data, n_rows = scorer.intake.read(json.dumps(iris.data.head(2).to_dict("records")).encode(), "json")
    assert isinstance(scorer.intake.join([data]), pd.DataFrame)
    assert scorer.score([data], [n_rows])[0].tolist() == model.predict(iris.data.head(2)).tolist()


def test_a_model_of_tensors_takes_rows_and_says_what_does_not_fit(
    tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any
) -> None:
    values = iris.data.to_numpy()
    model = RandomForestClassifier(5, random_state=0).fit(values, iris.target)
    scorer = opened(save_sklearn(tmp_path / "b", model, values, form="cloudpickle"))
    rows = values[::30].tolist()
    wanted = model.predict(values[::30]).tolist()
    names = list("abcd")
    forms = [
        {"inputs": rows},
        {"data": rows},
        rows,
        {"dataframe_split": {"columns": names, "data": rows}},
        {"dataframe_records": [dict(zip(names, row, strict=True)) for row in rows]},
        {"columns": {name: [row[at] for row in rows] for at, name in enumerate(names)}},
    ]
    assert score(scorer, *forms) == [wanted] * len(forms)
    assert score(scorer, rows[0]) == [wanted[:1]], "one row needs no brackets around it"
    for body, words in [
        ([[1, 2, 3]], "Row 0 has 3 values instead of 4"),
        ([[1, 2, 3, 4], [1, 2, 3, "x"]], "Value 3 of row 1 must be float64; got the string 'x'"),
        ([[1, 2, 3, 4], [1, 2]], "Row 1 has 2 values instead of 4"),
        ([[[1, 2, 3, 4]]], "Row 0 has 1 values instead of 4"),
        ("x", "got other values"),
        ([{"a": 1}, {"b": 1}], "Row 1 does not have the columns of row 0"),
    ]:
        with pytest.raises(MlopsError, match=words):
            score(scorer, body)


def test_a_model_without_a_schema_takes_what_it_can(
    tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any, iris_model: Any
) -> None:
    scorer = opened(save_sklearn(tmp_path / "b", iris_model, iris.data, schema=Schema()))
    frame = iris.data.tail(3)
    wanted = [iris_model.predict(frame).tolist()]
    for body in (frame.to_dict("records"), frame.to_dict("list"), {"inputs": frame.to_numpy().tolist()},
                 {"dataframe_split": json.loads(frame.to_json(orient="split"))}):  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an array has no names; the replica says so once in its log
            assert score(scorer, body) == wanted
    for body in ({"foo": 1}, [["x"]], 5, [[1], [1, 2]]):
        with pytest.raises(MlopsError) as refused:
            score(scorer, body)
        assert refused.value.status == 422


@pytest.mark.filterwarnings("ignore")  # MLflow's advice on type hints
def test_another_flavor_is_loaded_by_mlflow(tmp_path: Path, bundle_of: Callable[..., Path]) -> None:
    import mlflow.pyfunc

    class Doubles(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            del context, params
            return model_input.rename(columns={"x": "twice"}) * 2

    mlflow.pyfunc.save_model(str(tmp_path / "b/models/iris"), python_model=Doubles(), pip_requirements=[])
    models = [ManifestModel(name="iris", version=1, flavor="pyfunc")]
    schema = Schema(columns=[Column(name="x", type="double")])
    scorer = opened(bundle_of(tmp_path / "b", models=models, schema=schema))
    (outcome,) = scorer.score([[(1.5,), (2.0,)]], [2])
    assert outcome.to_dict("records") == [{"twice": 3.0}, {"twice": 4.0}]
    assert not scorer.inline


def test_types_that_skops_holds_for_unsafe_must_be_trusted_once(
    tmp_path: Path, iris: Any, iris_model: Any, save_sklearn: Callable[..., Path], bundle_of: Callable[..., Path]
) -> None:
    import skops.io

    bundle = save_sklearn(tmp_path / "b", iris_model, iris.data)
    schema = read_manifest(bundle).schema
    forest = RandomForestClassifier(3).fit(iris.data, iris.target)
    skops.io.dump(forest, bundle / "models/iris/model.skops")
    with pytest.raises(UntrustedTypes, match=r"sklearn\.tree\._tree\.Tree") as refused:
        opened(bundle_of(bundle, schema=schema))
    assert "--trust" in refused.value.hint
    with pytest.raises(UntrustedTypes):
        opened(bundle_of(bundle, schema=schema, tags={"mlops.trust": "another.Type"}))
    scorer = opened(bundle_of(bundle, schema=schema, tags={"mlops.trust": "another.Type, sklearn.tree._tree.Tree"}))
    rows = iris.data.head(60).to_numpy().tolist()
    assert score(scorer, rows) == [forest.predict(iris.data.head(60)).tolist()]


def test_a_model_file_that_is_not_the_pinned_one_is_refused_by_name(
    start: Callable[..., Any], tmp_path: Path, iris_bundle: Path
) -> None:
    import shutil

    bundle = Path(shutil.copytree(iris_bundle, tmp_path / "b"))
    file = bundle / "models/iris/model.skops"
    file.write_bytes(file.read_bytes()[:-1])
    server = start(bundle)
    errors = server.failed()
    assert "The file 'models/iris/model.skops' is not the one that manifest iris:1 pins" in errors
    assert server.process.returncode == 4
    assert any(line.get("code") == "digest-mismatch" for line in server.lines())
    file.unlink()
    with pytest.raises(MlopsError, match=r"model\.skops' of manifest iris:1 cannot be read: No such file"):
        opened(bundle)


def test_a_sample_that_does_not_score_ends_the_replica(
    start: Callable[..., Any], script_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = script_bundle(tmp_path / "b", "def run(data): return data['x']", sample={"y": 1})
    server = start(bundle)
    errors = server.failed()
    assert "The sample of manifest iris:1 does not score: The scoring script raised KeyError: 'x'" in errors
    assert "--sample" in errors
    assert "Traceback" not in errors
    assert any(line.get("code") == "sample-failed" for line in server.lines())


def test_what_nothing_can_load_is_named(
    tmp_path: Path, bundle_of: Callable[..., Path], iris_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    (tmp_path / "files/models/iris").mkdir(parents=True)
    (tmp_path / "files/models/iris/weights.bin").write_bytes(b"1")
    file = [ManifestModel(name="iris", version=3)]
    with pytest.raises(MlopsError, match="iris:3 is files without an MLflow flavor") as refused:
        opened(bundle_of(tmp_path / "files", models=file))
    assert "--script" in refused.value.hint
    with pytest.raises(MlopsError, match="has 2 models and no scoring script"):
        opened(bundle_of(tmp_path / "files", models=file * 2))

    broken = Path(shutil.copytree(iris_bundle, tmp_path / "broken"))
    (broken / "models/iris/model.skops").write_bytes(b"PK")
    with pytest.raises(MlopsError, match="The model iris:3 cannot be loaded: BadZipFile") as refused:
        opened(bundle_of(broken))
    assert "no whole one" in refused.value.hint

    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(PackageMissing, match=r"needs the package 'skops(\.io)?'"):
        opened(iris_bundle)


@pytest.mark.parametrize(
    ("files", "words"),
    [({}, "has no manifest.json"), ({"manifest.json": "{"}, "is no manifest"), ({"manifest.json": "{}"}, "name")],
)
def test_a_folder_that_is_no_bundle_is_named(
    start: Callable[..., Any], tmp_path: Path, files: dict[str, str], words: str
) -> None:
    (tmp_path / "b").mkdir()
    for name, content in files.items():
        (tmp_path / "b" / name).write_text(content)
    assert words in start(tmp_path / "b").failed()


def test_a_manifest_that_reaches_outside_of_its_bundle_is_refused(tmp_path: Path, iris_bundle: Path) -> None:
    import shutil

    bundle = Path(shutil.copytree(iris_bundle, tmp_path / "b"))
    file = bundle / "manifest.json"
    file.write_text(file.read_text().replace("models/iris/MLmodel", "../../etc/passwd"))
    with pytest.raises(MlopsError, match="outside of the bundle"):
        opened(bundle)


def test_scaled_linear_models_have_the_quick_path(tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(iris.data, iris.target)
    assert "quick path" in opened(save_sklearn(tmp_path / "b", model, iris.data)).said[0]
