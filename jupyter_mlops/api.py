"""The Python API, for cells and scripts: ``import jupyter_mlops as ml``."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import BadInput, NotFound
from jupyter_mlops.delivery.calls import PATIENCE_S, Endpoint, endpoint_of
from jupyter_mlops.delivery.clients import VARIABLE
from jupyter_mlops.delivery.consuming import Consumer
from jupyter_mlops.delivery.keys import Keys, read_keys
from jupyter_mlops.scoring.collect import collect  # noqa: F401  # the package offers it
from jupyter_mlops.training import media
from jupyter_mlops.training.active import active_run

if TYPE_CHECKING:
    from pandas import DataFrame

    from jupyter_mlops.delivery.generating import WrittenSchema
    from jupyter_mlops.ports import World
    from jupyter_mlops.training.children import ChildRun
    from jupyter_mlops.workspace import Workspace


def log(values: Mapping[str, Any] | None = None, /, *, step: int | None = None, **named: Any) -> None:
    """Log metrics to the active run: ``ml.log({"loss": 0.31, "acc": 0.97}, step=4)``, or ``ml.log(loss=0.31)``.

    ``step`` counts up by itself, for each key, when it is not given. Values are numbers, or scalars of numpy, torch or
    jax. They are in a file when the call returns, which outlives a killed process, and in MLflow a moment later. Raises
    ``NoActiveRun``, and ``BadInput`` naming what is not a metric's name or not a number; then nothing was logged.
    """
    if named:
        values = named if values is None else {**values, **named}
    active_run(_open).log({} if values is None else values, step)


def log_figure(figure: Any, name: str) -> None:
    """Store a figure among the run's artifacts, below ``figures/``.

    ``figure`` is a matplotlib figure (or what has a ``savefig``) or a plotly one (``write_html``); ``name`` is a file
    name, whose ending says the format (``roc.png``, ``roc.svg``, ``roc.html``; ``.png`` when there is none).
    """
    name = media.file_name(name)
    if hasattr(figure, "savefig"):
        name = name if "." in name else f"{name}.png"
        data = io.BytesIO()
        figure.savefig(data, format=name.rpartition(".")[2], bbox_inches="tight")
        active_run(_open).store_text(data.getvalue(), "figures", name)
    elif hasattr(figure, "to_html"):
        name = name if "." in name else f"{name}.html"
        active_run(_open).store_text(str(figure.to_html()), "figures", name)
    else:
        raise BadInput(
            f"A {type(figure).__name__} is not a figure.", hint="Give a matplotlib or plotly figure: `plt.gcf()`."
        )


def log_file(path: str | Path, folder: str = "files") -> None:
    """Store a file or folder among the run's artifacts, below ``folder``. Raises ``NotFound``."""
    file = Path(path)
    if not file.exists():
        raise NotFound(f"There is no file {file}.", hint="Check the path; it is relative to the current folder.")
    if ".." in Path(folder).parts or Path(folder).is_absolute():
        raise BadInput(f"{folder!r} is not a folder among artifacts.", hint='Give a relative one: `folder="data"`.')
    active_run(_open).store(file.absolute(), folder)


def child(
    name: str | None = None, *, params: Mapping[str, Any] | None = None, tags: Mapping[str, Any] | None = None
) -> AbstractContextManager[ChildRun]:
    """Run a block as a child of the active run, to any depth.

    ::

        for fold in range(5):
            with ml.child(f"fold {fold}", params={"C": 0.5}) as run:
                ml.log({"auc": score})
        print(run.id, run.name)

    Inside the block ``ml.log`` and its kin, and plain ``mlflow.*``, go to the child. It ends FINISHED, FAILED when the
    block raised, and KILLED when it was interrupted. Children in several threads or tasks do not meet; a thread without
    one of its own logs to the one that the main thread is in. Raises ``NoActiveRun``, and ``BadInput`` for a name,
    parameter or tag that cannot be one.
    """
    from jupyter_mlops.training.children import child_run

    return child_run(_open, name, params or {}, tags or {})


def tag(tags: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Set tags of the active run: ``ml.tag(team="risk")`` or ``ml.tag({"data.version": 3})``.

    A tag that is there is replaced. Raises ``NoActiveRun``, and ``BadInput`` naming a key that cannot be one.
    """
    run = active_run(_open)
    run.world.tracking.log(run.run_id, tags=media.texts({**_named(tags, "tag"), **more}, "tag"))


def note(text: str) -> None:
    """Describe the active run in Markdown: ``ml.note("Baseline, **without** the new columns.")``.

    A later note replaces it; MLflow shows it as the run's description. Raises ``NoActiveRun`` and ``BadInput``.
    """
    run = active_run(_open)
    run.world.tracking.log(run.run_id, tags=media.note(text))


def log_params(params: Mapping[str, Any] | None = None, /, **more: Any) -> None:
    """Log parameters of the active run: ``ml.log_params({"C": 0.5})`` or ``ml.log_params(C=0.5, kernel="rbf")``.

    A parameter is logged once: another value for it later raises ``BadInput``, as does a key that cannot be one.
    """
    run = active_run(_open)
    run.world.tracking.log(run.run_id, params=media.texts({**_named(params, "parameter"), **more}, "parameter"))


def log_table(data: Any, name: str) -> None:
    """Store a table below ``tables/``, where MLflow's UI shows it: ``ml.log_table(errors, "errors")``.

    ``data`` is a DataFrame (pandas or polars), columns (``{"x": [1, 2]}``) or rows (``[{"x": 1}, {"x": 2}]``); ``name``
    may end in ``.json`` (the default) or ``.parquet``. Rows logged again under a name are added to those that are there.
    Raises ``NoActiveRun``, and ``BadInput`` naming the table and the column that cannot be stored.
    """
    table, path = media.table(data, name)
    run = active_run(_open)
    run.world.tracking.log_table(run.run_id, table, path)


def log_image(image: Any, name: str, *, step: int | None = None) -> None:
    """Store a picture: ``ml.log_image(pixels, "mask", step=epoch)``.

    ``image`` is an array or tensor of (height, width) or (height, width, channels), channels first also, with whole
    numbers from 0 to 255 or fractions from 0.0 to 1.0; or a PIL image, a matplotlib figure or a path. With ``step`` it
    is one of a series, which MLflow's UI shows with a slider; without, it is a file below ``figures/``.
    Raises ``NoActiveRun``, ``NotFound``, and ``BadInput`` naming the image and what is wrong with it.
    """
    picture = media.picture(image, media.file_name(name))
    run = active_run(_open)
    if step is not None:
        run.world.tracking.log_image(run.run_id, media.opened(picture, name), name, media.image_step(step))
    elif isinstance(picture, Path):
        run.store(picture.absolute(), "figures", name=name if Path(name).suffix else f"{name}{picture.suffix}")
    else:
        run.store_text(media.as_png(picture), "figures", name if name.endswith(".png") else f"{name}.png")


def log_dataset(data: Any, name: str, *, context: str = "training") -> None:
    """Record the data that the run uses, without storing it: ``ml.log_dataset("train.csv", "customers")``.

    ``data`` is a DataFrame, an array, a dict of arrays, the path of a file or folder, a URL, or a dataset of
    ``mlflow.data``. Digest, schema, profile (rows, columns) and source become an input of the run; ``context`` says
    what it is for. Raises ``NoActiveRun``, ``NotFound``, and ``BadInput`` naming the dataset.
    """
    found = media.dataset(data, name)
    context = media.texts({"context": context}, "tag")["context"]
    run = active_run(_open)
    run.world.tracking.log_dataset(run.run_id, found, name, context)


def generate_schema(inputs: Any, outputs: Any = None, *, file: str | Path = "schema.json") -> WrittenSchema:
    """Write the schema of example inputs and outputs to ``file``, with their first rows as the sample, and return it.

    ::

        ml.generate_schema(X_test, model.predict(X_test))
        %ml manifests create churn --schema schema.json

    Each is a DataFrame or Series, an array, a dict of arrays (named inputs), rows (dicts or lists) or columns (a dict of
    lists). The first dimension of arrays may have any length. Raises ``NoSchema`` naming what has no type.
    """
    from jupyter_mlops.core.files import replace_file
    from jupyter_mlops.delivery.generating import schema_of, written

    schema = schema_of(inputs, outputs)
    replace_file(Path(file).absolute(), written(schema), mode=0o644)
    return schema


def telemetry(
    name: str,
    *,
    since: str | float | datetime | None = None,
    until: str | float | datetime | None = None,
    rows: bool = False,
) -> DataFrame:
    """Return what a service was asked and answered as a DataFrame, oldest first: ``ml.telemetry("churn", since="1h")``.

    A line is a request: ``at`` (UTC), ``id``, ``model``, ``version``, ``deployment``, ``status``, ``ms``, ``inputs`` and
    ``outputs`` as Python objects, and a column ``collected.NAME`` for each field that ``ml.collect`` added. With ``rows``
    a line is a scored row, with ``input.COLUMN`` and ``prediction``. ``since`` and ``until`` are ``"90s"``, ``"15m"``,
    ``"1h"`` or ``"7d"`` ago, a date as text, a ``datetime`` or seconds since the epoch. What was answered a moment ago is
    there too. Raises ``UnknownThing``, ``BadMoment``, and ``StoreDown`` where its datastore does not answer.
    """
    from jupyter_mlops.monitoring.telemetry import telemetry as read

    with closing(_workspace()) as world:
        return read(world, name, since=since, until=until, rows=rows)


class Service(Consumer):
    """A service, asked from a cell: ``ml.Service("churn").score(frame)``.

    ``name`` is one of the workspace, or the address of any other (``"http://gpu-box:8080"``) with its ``key``, which
    otherwise comes from the variable ``MLOPS_KEY``. ``deployment`` names the one that shall answer (``"green"``), whatever
    its share of the traffic. ``timeout_s`` is how long one answer may take, by default as long as the service itself
    allows; a service that is full is asked again for ``patience_s``.
    """

    def __init__(
        self,
        name: str,
        *,
        key: str = "",
        deployment: str = "",
        timeout_s: float | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.name = name
        self._key = key
        self._timeout_s = timeout_s
        super().__init__(self._found, patience_s=patience_s, deployment=deployment)

    def __repr__(self) -> str:
        return f"Service({self.name!r})"

    @property
    def keys(self) -> Keys:
        """Both keys in clear. Raises ``NoKeys`` and ``UnknownThing``; of an address, ``BadInput``."""
        if "://" in self.name:
            raise BadInput("The keys of a service are known to the workspace that deployed it.", hint="Ask its owner.")
        with closing(_workspace()) as world:
            return read_keys(world, self.name)

    def _found(self) -> Endpoint:
        if "://" in self.name:
            hint = "Is that its address, and is this machine let through to it?"
            key = self._key or os.environ.get(VARIABLE, "")
            return Endpoint(url=self.name.rstrip("/"), key=key, timeout_s=self._timeout_s or 60.0, hint=hint)
        with closing(_workspace()) as world:
            found = endpoint_of(world, self.name)
        key, timeout_s = self._key or found.key, self._timeout_s or found.timeout_s
        return replace(found, key=key, timeout_s=timeout_s)


def _named(values: Mapping[str, Any] | None, what: str) -> Mapping[str, Any]:
    return media.texts(values if values is not None else {}, what)


def _open() -> World:
    return _workspace()


def _workspace() -> Workspace:
    from jupyter_mlops.workspace import Workspace

    return Workspace.open()
