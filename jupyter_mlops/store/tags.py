"""What a tag says over all runs, which MLflow's client can only tell by fetching every run that has it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.store.mlflow_client import calls, local_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE: Final = 1000


def tag_values(client: MlflowClient, uri: str, key: str) -> set[str]:
    """Return the values of a tag in all runs that MLflow has, deleted ones included. Raises ``Unavailable``."""
    path = local_file(uri)
    if path is not None:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                rows = connection.execute("SELECT DISTINCT value FROM tags WHERE key = ?", (key,))
                return {str(value) for (value,) in rows}
        except sqlite3.Error:
            pass  # a schema that we do not know
    return _asked(client, uri, key)


def _asked(client: MlflowClient, uri: str, key: str) -> set[str]:
    from mlflow.entities import ViewType

    found: set[str] = set()
    with calls(uri):
        token = None
        experiments: list[str] = []
        while True:
            groups: Any = client.search_experiments(view_type=ViewType.ALL, max_results=_PAGE, page_token=token)
            experiments += [one.experiment_id for one in groups]
            if not (token := groups.token):
                break
        while experiments:
            page: Any = client.search_runs(
                experiments, f"tags.`{key}` LIKE '%'", ViewType.ALL, max_results=_PAGE, page_token=token
            )
            found |= {run.data.tags[key] for run in page}
            if not (token := page.token):
                break
    return found
