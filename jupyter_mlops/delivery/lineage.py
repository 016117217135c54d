"""Lineage: from a service back to its manifest, model, run, data, snapshot, commit and packages; and onward from a run."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import NotFound, UnknownThing
from jupyter_mlops.core.event import Link
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record, decode
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.images import find_image
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import World

NodeKind = Literal[
    "service", "manifest", "image", "model", "run", "dataset", "snapshot", "git", "environment", "target"
]
ENVIRONMENT_FILE = "mlops/environment.json"
"""The artifact in which a run keeps ``core.environment.Environment``."""


class Node(Record, frozen=True, kw_only=True):
    """One thing in the lineage."""

    id: str
    """``KIND:NAME[:VERSION]``."""
    kind: NodeKind
    name: str
    facts: dict[str, Any] = {}
    missing: bool = False
    """It is named by another, and is not there any more."""


class Lineage(Record, frozen=True, kw_only=True):
    """What a thing came from, and what came of it. The first node is the thing; links lead from a thing to what it came from."""

    nodes: list[Node]
    links: list[Link]


def lineage(world: World, kind: Literal["model", "service", "run"], ref: str, *, onward: bool = False) -> Lineage:
    """Return what a model (``NAME[:VERSION]``), a service or a run came from; ``onward``, also what came of it.

    Raises ``UnknownThing``.
    """
    walk = _Walk(world)
    if kind == "service":
        walk.service(world.catalog.get(Service, ref))
    elif kind == "model":
        version = world.tracking.model_version(ref)
        walk.model(version.name, version.version, version.run_id)
        if onward:
            walk.onward([(version.name, version.version)])
    else:
        run = world.tracking.run(ref)
        walk.run(run.id)
        if onward:
            walk.models_of(run.id)
    return Lineage(nodes=list(walk.nodes.values()), links=walk.links)


class _Walk:
    """Follows the references, each thing once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nodes: dict[str, Node] = {}
        self.links: list[Link] = []

    def service(self, service: Service) -> None:
        at = self._service(service)
        for deployment in service.deployments:
            self._deploys(at, deployment)

    def _deploys(self, service: str, deployment: Deployment) -> None:
        self._link(service, "deploys", self.manifest(deployment.manifest))
        image = f"image:{deployment.manifest}"
        if deployment.image and image in self.nodes:
            self._link(service, "runs", image)

    def models_of(self, run_id: RunId) -> None:
        """Add the models that were registered from a run, and what came of them."""
        versions = [(one.name, one.version) for one in self.world.tracking.models_of(run_id)]
        for name, number in versions:
            self.model(name, number, run_id)
        self.onward(versions)

    def onward(self, versions: Sequence[tuple[str, int]]) -> None:
        """Add the manifests that serve model versions, their images, and the services that deploy them."""
        targets = [f"model:{name}:{number}" for name, number in versions]
        links = [link for target in targets for link in self.world.catalog.links(target=target)]
        refs = [link.source.partition(":")[2] for link in links if link.relation == "serves"]
        for ref in refs:
            self.manifest(ref)
        for service in self.world.catalog.find(Service) if refs else []:
            for deployment in service.deployments:
                if deployment.manifest in refs:
                    self._deploys(self._service(service), deployment)

    def _service(self, service: Service) -> str:
        facts = {"url": service.url, "host": service.host, "state": service.state}
        return self._add("service", service.name, facts)

    def manifest(self, ref: str) -> str:
        try:
            manifest = show_manifest(self.world, ref)
        except UnknownThing:
            return self._add("manifest", ref, missing=True)
        facts = {
            "python": manifest.python,
            "base_image": manifest.base_image,
            "requirements": manifest.requirements,
            "script": manifest.script,
            "created_at": manifest.created_at,
            "created_by": manifest.created_by,
        }
        at = self._add("manifest", ref, facts)
        image = find_image(self.world, manifest)
        if image is not None:
            self._link(self._add("image", ref, {"image_id": image.image_id, "tag": image.tag}), "built from", at)
        for model in manifest.models:
            self._link(at, "serves", self.model(model.name, model.version, RunId(model.run_id or "")))
        return at

    def model(self, name: str, number: int, run_id: RunId | None) -> str:
        ref = f"{name}:{number}"
        try:
            version = self.world.tracking.model_version(ref)
        except UnknownThing:
            at = self._add("model", ref, missing=True)
        else:
            facts = {"flavor": version.flavor, "tags": version.tags, "aliases": version.aliases}
            at = self._add("model", ref, {**facts, "created_at": version.created_at, "created_by": version.created_by})
        if run_id:
            self._link(at, "trained by", self.run(run_id))
        return at

    def run(self, run_id: RunId) -> str:
        try:
            run = self.world.tracking.run(run_id)
        except UnknownThing:
            return self._add("run", run_id, missing=True)
        facts = {
            "name": run.name,
            "experiment": run.experiment,
            "status": run.status,
            "project": run.project,
            "params": run.params,
            "metrics": run.metrics,
            "started_at": run.started_at,
        }
        at = self._add("run", run_id, facts)
        self._sources(at, run)
        if run.parent:
            self._link(at, "child of", self.run(run.parent))
        return at

    def _sources(self, at: str, run: Run) -> None:
        """Add the data, the snapshot, the commit, the environment and the target that the run recorded."""
        for data in self.world.tracking.datasets(run.id):
            facts = {"name": data.name, "digest": data.digest, "context": data.context, "source_type": data.source_type}
            self._link(at, "used", self._add("dataset", f"{data.name}:{data.digest}", facts))
        snapshot = run.tags.get("mlops.snapshot")
        if snapshot:
            self._link(at, "started from", self._snapshot(snapshot))
        commit = run.tags.get("mlops.git.commit")
        if commit:
            facts = {key: run.tags.get(f"mlops.git.{key}", "") for key in ("branch", "remote", "dirty")}
            self._link(at, "at commit", self._add("git", commit, facts))
        environment = self._environment(run.id)
        if environment is not None:
            self._link(at, "ran in", self._add("environment", run.id, msgspec.to_builtins(environment)))
        target, node = run.tags.get("mlops.target", "local"), run.tags.get("mlops.node", "")
        if node:  # plain MLflow does not say where its runs run
            self._link(at, "ran on", self._add("target", f"{target}:{node}", {"target": target, "node": node}))

    def _snapshot(self, name: str) -> str:
        try:
            snapshot = self.world.catalog.get(Snapshot, name)
        except UnknownThing:
            return self._add("snapshot", name, missing=True)
        facts = {"source": snapshot.source, "n_files": snapshot.n_files, "n_bytes": snapshot.n_bytes}
        return self._add("snapshot", name, facts)

    def _environment(self, run_id: RunId) -> Environment | None:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                file = self.world.tracking.fetch(run_id, ENVIRONMENT_FILE, Path(scratch))
                return decode(file.read_bytes(), Environment)
            except (NotFound, msgspec.MsgspecError):
                return None  # a run of plain MLflow's, which recorded none that we can read

    def _add(self, kind: NodeKind, name: str, facts: dict[str, Any] | None = None, *, missing: bool = False) -> str:
        at = f"{kind}:{name}"
        self.nodes.setdefault(at, Node(id=at, kind=kind, name=name, facts=facts or {}, missing=missing))
        return at

    def _link(self, source: str, relation: str, target: str) -> None:
        link = Link(source=source, relation=relation, target=target)
        if link not in self.links:
            self.links.append(link)
