"""Where artifacts are, as MLflow's tables say."""

from __future__ import annotations

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.store.reading import Rows


def read_locations(rows: Rows) -> list[str]:
    """Return where each experiment's artifacts are, also of archived ones."""
    return [str(row[0]) for row in rows("SELECT artifact_location FROM experiments") if row[0]]


def read_artifact_uri(rows: Rows, run_id: RunId) -> str | None:
    """Return where a run's artifacts are; ``None`` where there is no such run."""
    found = rows("SELECT artifact_uri FROM runs WHERE run_uuid = :id", {"id": run_id})
    return str(found[0][0] or "") if found else None
