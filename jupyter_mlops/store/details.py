"""What a run has besides parameters, metrics and tags, as MLflow's tables say: children, datasets, last steps."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.run import Run, RunDataset
from jupyter_mlops.store.reading import Rows
from jupyter_mlops.store.runrows import RUN_COLUMNS, complete

_CHILDREN: Final = f"""
SELECT {RUN_COLUMNS} FROM tags t CROSS JOIN runs r
WHERE r.run_uuid = t.run_uuid AND t.key = 'mlflow.parentRunId' AND t.value = :id
AND r.lifecycle_stage = 'active' AND r.experiment_id = (SELECT experiment_id FROM runs WHERE run_uuid = :id)
ORDER BY r.start_time, r.run_uuid
"""  # noqa: S608  # names are ours, values are bound
_DATASETS: Final = """
SELECT d.name, d.digest, COALESCE(t.value, ''), d.dataset_source_type, d.dataset_source, COALESCE(d.dataset_profile, '')
FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context'
WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = :id
ORDER BY d.name, d.digest
"""


def read_children(rows: Rows, run_id: RunId) -> list[Run]:
    """Return the runs whose parent a run is, oldest first; children are in their parent's experiment."""
    names = dict(rows("SELECT experiment_id, name FROM experiments"))
    return complete(rows, rows(_CHILDREN, {"id": run_id}), names)


def read_datasets(rows: Rows, run_id: RunId) -> list[RunDataset]:
    """Return the datasets that a run logged as its inputs."""
    return [
        RunDataset(name=name, digest=digest, context=context, source_type=kind, source=source, profile=profile)
        for name, digest, context, kind, source, profile in rows(_DATASETS, {"id": run_id})
    ]


def read_last_steps(rows: Rows, run_id: RunId) -> dict[str, int]:
    """Return the last step of each metric of a run."""
    return dict(rows("SELECT key, step FROM latest_metrics WHERE run_uuid = :id", {"id": run_id}))
