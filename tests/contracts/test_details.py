"""Children, datasets and last steps: SQL on MLflow's tables and MLflow's own client answer alike."""

from __future__ import annotations

from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.store.reading import SqlReader
from jupyter_mlops.store.tracking import MlflowTracking


class OnlyMlflow(MlflowTracking):
    """The same store through MLflow's client alone, as a tracking server is read."""

    @property
    def reader(self) -> SqlReader:
        return SqlReader("http://nobody.asks.it")


def test_what_belongs_to_a_run_is_the_same_both_ways(workspace):
    import mlflow
    import pandas as pd
    from mlflow.entities import DatasetInput, InputTag

    ours = workspace.tracking
    theirs = OnlyMlflow(ours.uri, ours.registry_uri, ours.artifact_root)
    parent = ours.create_run("e", "parent", tags={}, params={})
    kept, gone = (ours.create_run("e", name, tags={"a": "b"}, params={"C": "1"}, parent=parent.id) for name in "xy")
    ours.create_run("other", "elsewhere", tags={}, params={}, parent=parent.id)
    ours.delete_run(gone.id)
    ours.log(parent.id, metrics=[MetricPoint(key="auc", value=0.5, step=step, at_ms=1) for step in (3, 9, 4)])
    tables = [pd.DataFrame({"a": [number]}) for number in range(2)]
    for context, table in zip((["training"], []), tables, strict=True):
        data = mlflow.data.from_pandas(table, name="rows")
        tags = [InputTag("mlflow.data.context", one) for one in context]
        ours.client.log_inputs(parent.id, [DatasetInput(data._to_mlflow_entity(), tags)])  # MLflow's only way
    try:
        for run in (parent, kept):
            assert ours.children(run.id) == theirs.children(run.id)
            assert ours.last_steps(run.id) == theirs.last_steps(run.id)
            found, expected = (sorted(each.datasets(run.id), key=lambda one: one.digest) for each in (ours, theirs))
            assert found == expected
        assert [one.id for one in ours.children(parent.id)] == [kept.id]
        assert ours.last_steps(parent.id) == {"auc": 9}
        assert sorted(one.context for one in ours.datasets(parent.id)) == ["", "training"]
    finally:
        theirs.close()
