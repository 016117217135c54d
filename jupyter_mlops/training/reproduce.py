"""Reproducing: a run executed again from what it recorded, and its metrics compared with those it had."""

from __future__ import annotations

import math
import platform
from pathlib import Path
from typing import Final, Literal

import msgspec

from jupyter_mlops.core.errors import Conflict, UnknownThing
from jupyter_mlops.core.record import MetricValue, Record, encode
from jupyter_mlops.core.run import SYSTEM, Run
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import Say, World
from jupyter_mlops.training.capture import process_tags
from jupyter_mlops.training.restorable import Choice, Restorable, check_rtol, find_original, look, refuse
from jupyter_mlops.training.session import REPRODUCES_TAG
from jupyter_mlops.training.submit import GIVEN, start
from jupyter_mlops.training.system import OFF
from jupyter_mlops.training.worker import AUTOLOG, Ways

Verdict = Literal["equal", "within", "different", "missing", "new"]
RTOL: Final = 1e-6
"""Relative tolerance if none is given. The same code on the same packages gives the same bits, unless threads or another
processor sum in another order: that moves single precision (2**-23 = 1.2e-7) by a few of its last digits, and no more."""
RELATION: Final = "reproduces"
_RTOL: Final = "mlops.reproduces.rtol"
_NOTES: Final = "mlops/reproduction.json"
_KEPT: Final = (
    *("mlflow.source.", "mlops.project", "mlops.folder", "mlops.notebook", "mlops.file", "mlops.cell"),
    *("mlops.os_user", "mlops.git.", "mlops.snapshot", OFF, GIVEN, AUTOLOG),
)
"""Tags that say where the code comes from, and how the run is watched."""


class MetricVerdict(Record, frozen=True, kw_only=True):
    """One metric of a run and of its reproduction."""

    metric: str
    original: MetricValue | None
    """Its last value; ``None`` where the run has no such metric."""
    reproduced: MetricValue | None
    verdict: Verdict
    """``missing`` and ``new``: only the original, or only the reproduction, has it."""
    n_original: int = 0
    """Points that were logged; other numbers of them make it ``different``."""
    n_reproduced: int = 0


class Reproduction(Record, frozen=True, kw_only=True):
    """A run, the run that executed it again, and whether they measured the same."""

    original: Run
    run: Run
    rtol: float
    metrics: list[MetricVerdict]
    """The differing ones first; without those of the machine (``system/``)."""
    same: bool
    """Whether it finished and every metric is equal or within tolerance."""
    notes: list[str] = []
    """What could not be restored, and what else differs."""


class NotAReproduction(Conflict):
    """A run was begun by itself, not to reproduce another one."""

    code = "not-a-reproduction"

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"The run {run.name} reproduces no other.", hint=f"Reproduce it: `mlops runs reproduce {run.id[:8]}`."
        )


def examine(
    world: World, ref: str, *, environment: Choice = "recorded", into: Path | None = None, say: Say | None = None
) -> Restorable:
    """Return what of a run can be restored; nothing is executed or installed. Raises as ``find_original`` and ``look``."""
    return look(world, find_original(world, ref), environment=environment, into=into, say=say)


def reproduce_run(world: World, found: Restorable, *, rtol: float = RTOL, into: Path | None = None) -> Run:
    """Execute a run again; return the new run, linked to it, at once: its worker makes the environment if need be.

    Raises ``NotReproducible``, and ``BadInput`` for ``rtol``.
    """
    check_rtol(rtol)
    refuse(found)
    run = _begin(world, found, rtol)
    folder = Path(found.run.tags.get("mlops.folder", ""))
    ways = Ways(fit=found.fit, into=str(into.absolute()) if into else "")
    return start(world, run, folder if folder.is_dir() else world.home, ways)


@uses_store  # until the new run refers to the snapshot, no gc may take it for one that nobody needs
def _begin(world: World, found: Restorable, rtol: float) -> Run:
    """Create the run, which has the origin of the first and none of its own tags, and link the two."""
    original = found.run
    tags = {key: value for key, value in original.tags.items() if key.startswith(_KEPT)}
    tags |= {
        **process_tags(world),
        "mlflow.user": world.actor,
        "mlops.target": "local",
        "mlops.python": found.fit.version if found.fit is not None else platform.python_version(),
        REPRODUCES_TAG: original.id,
        _RTOL: repr(rtol),
    }
    given = original.params
    if GIVEN in original.tags:
        given = msgspec.json.decode(original.tags[GIVEN], type=dict[str, str])
    params = given if found.file else {}  # a session sets them itself
    run = world.tracking.create_run(
        original.experiment, f"{original.name[:90]}-again", tags=tags, params=params, parent=None
    )
    world.catalog.record("run", run.id, "start", {"experiment": original.experiment, "name": run.name})
    world.catalog.link(f"run:{run.id}", "started-from", f"snapshot:{found.snapshot}")
    world.catalog.link(f"run:{run.id}", RELATION, f"run:{original.id}")
    world.tracking.write(run.id, encode([note.text for note in found.notes]), _NOTES)
    return run


def show_reproduction(world: World, ref: str) -> Reproduction:
    """Compare a run that was begun to reproduce another one with that one.

    Raises ``NotAReproduction``, ``UnknownThing``, and ``Conflict`` while it is running.
    """
    run = world.tracking.run(ref)
    if REPRODUCES_TAG not in run.tags:
        raise NotAReproduction(run)
    if run.status in {"RUNNING", "SCHEDULED"}:
        raise Conflict(
            f"The run {run.name} is {run.status}, so its metrics cannot be compared yet.",
            hint=f"Wait until it has ended: `mlops runs logs -f {run.id[:8]}`.",
        )
    original = _original(world, run.tags[REPRODUCES_TAG])
    rtol = float(run.tags.get(_RTOL, RTOL))
    metrics = compare_metrics(world, original, run, rtol)
    told = world.tracking.read(run.id, _NOTES)
    notes = msgspec.json.decode(told, type=list[str]) if told else []
    return Reproduction(
        original=original,
        run=run,
        rtol=rtol,
        metrics=metrics,
        same=run.status == "FINISHED" and all(one.verdict in {"equal", "within"} for one in metrics),
        notes=[*notes, *_other_data(world, original, run)],
    )


def _original(world: World, run_id: str) -> Run:
    try:
        return world.tracking.run(run_id)
    except UnknownThing:
        return world.tracking.deleted_run(run_id)


def compare_metrics(world: World, original: Run, run: Run, rtol: float) -> list[MetricVerdict]:
    """Return the verdict on each metric: its last value, and how many points it has. Those that differ come first."""
    names = {name for one in (original, run) for name in one.metrics if not name.startswith(SYSTEM)}
    rows = []
    for name in sorted(names):
        a, b = original.metrics.get(name), run.metrics.get(name)
        n_a = world.tracking.curve(original.id, name, 2).n_points if a is not None else 0
        n_b = world.tracking.curve(run.id, name, 2).n_points if b is not None else 0
        verdict = verdict_on(a, b, rtol)
        if n_a != n_b and verdict in {"equal", "within"}:
            verdict = "different"
        rows.append(
            MetricVerdict(metric=name, original=a, reproduced=b, verdict=verdict, n_original=n_a, n_reproduced=n_b)
        )
    return sorted(rows, key=lambda row: row.verdict in {"equal", "within"})


def verdict_on(original: MetricValue | None, reproduced: MetricValue | None, rtol: float) -> Verdict:
    """Compare two values of a metric; NaN is equal to NaN, an infinity to itself.

    Within tolerance is ``|a - b| <= rtol * max(|a|, |b|)``, as ``math.isclose`` has it.
    """
    if reproduced is None:
        return "missing"
    if original is None:
        return "new"
    a, b = float(original), float(reproduced)
    if a == b or (math.isnan(a) and math.isnan(b)):
        return "equal"
    return "within" if math.isclose(a, b, rel_tol=rtol) else "different"


def _other_data(world: World, original: Run, run: Run) -> list[str]:
    """Name the datasets that were not the same, by their digests."""
    before = {one.name: one.digest for one in world.tracking.datasets(original.id)}
    now = {one.name: one.digest for one in world.tracking.datasets(run.id)}
    other = sorted(name for name in before.keys() & now.keys() if before[name] != now[name])
    return [f"The data {name} had the digest {before[name]}, and have {now[name]} now." for name in other]
