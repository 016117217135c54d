"""MLflow's model registry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_mlops.core.errors import NotFound, UnknownThing
from jupyter_mlops.core.ids import RunId, check_name, split_ref
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.mlflow_client import MlflowStore, calls, check_inside, copy_into, local_path


class NoModelFiles(NotFound):
    """A version is registered, and its files are not where they were."""

    code = "model-files-not-found"

    def __init__(self, ref: str, path: Path) -> None:
        super().__init__(
            f"The files of model {ref} are gone: there is no {str(path)!r}.",
            hint=f"Put them back, or delete the version: `mlops models delete {ref}`.",
        )


class MlflowRegistry(MlflowStore):
    """Models and their versions."""

    def models(self) -> list[Model]:
        """Return the registered models by name, each with all its versions, newest first: two questions, however many there are."""
        with calls(self.registry_uri):
            found = self._pages(self.client.search_registered_models)
            versions = self._pages(self.client.search_model_versions)
        of_model: defaultdict[str, list[Any]] = defaultdict(list)
        for one in versions:
            of_model[one.name].append(one)
        return [_model(one, of_model[one.name]) for one in found]

    def model(self, name: str) -> Model:
        """Return a model with all its versions, newest first. Others may have named it as no name of ours may be."""
        with calls(self.registry_uri, "model", name):
            found = self.client.get_registered_model(name)
            versions = self._versions(name)
        return _model(found, versions)

    def split_model(self, ref: str) -> tuple[str, str | None]:
        """Split ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``; where a model is called the whole, with the ``@``, it is that one."""
        if "@" in ref and ":" not in ref and self._is_there(ref):
            return ref, None
        return split_ref("model", ref)

    def _is_there(self, name: str) -> bool:
        from mlflow.exceptions import MlflowException

        with calls(self.registry_uri, "model", name):
            try:
                self.client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return False
            return True

    def model_version(self, ref: str) -> ModelVersion:
        """Return ``NAME`` (its newest version), ``NAME:VERSION`` or ``NAME@ALIAS``."""
        name, version = self.split_model(ref)
        with calls(self.registry_uri, "model", ref):
            found = self.client.get_registered_model(name)
            if version is None:
                numbers = self._versions(name)
                if not numbers:
                    raise UnknownThing("model version", ref, plural="models")
                return _version(max(numbers, key=lambda one: int(one.version)), found.aliases)
            if version.startswith("@"):
                number = found.aliases.get(version[1:])
                if number is None:
                    raise UnknownThing("model version", ref, plural="models")
                version = str(number)
            return _version(self.client.get_model_version(name, version), found.aliases)

    def models_of(self, run_id: RunId) -> list[ModelVersion]:
        """Return the model versions that were registered from a run, oldest first; without their aliases."""
        with calls(self.registry_uri, "run", run_id):
            found = self._pages(self.client.search_model_versions, filter_string=f"run_id='{run_id}'")
        return sorted((_version(one, {}) for one in found), key=lambda one: (one.created_at, one.name, one.version))

    def register(
        self, name: str, source: str, *, run_id: RunId | None, tags: Mapping[str, str], flavor: str
    ) -> ModelVersion:
        """Add the next version of a model, which is made if it does not exist."""
        check_name("model", name)
        from mlflow.exceptions import MlflowException

        with calls(self.registry_uri, "model", name):
            try:
                self.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            made = self.client.create_model_version(
                name, source, run_id=run_id, tags={**tags, "mlops.flavor": flavor}, await_creation_for=0
            )
        return _version(made, {})

    def tag_model(self, name: str, version: int | None, tags: Mapping[str, str | None]) -> None:
        """Set tags of a version, or of the model itself; ``None`` removes one."""
        if version is None:
            self._tag_whole(name, tags)
            return
        with calls(self.registry_uri, "model version", f"{name}:{version}"):
            self.client.get_model_version(name, str(version))
            for key, value in tags.items():
                if value is None:
                    self.client.delete_model_version_tag(name, str(version), key)
                else:
                    self.client.set_model_version_tag(name, str(version), key, value)

    def _tag_whole(self, name: str, tags: Mapping[str, str | None]) -> None:
        with calls(self.registry_uri, "model", name):
            has = self.client.get_registered_model(name).tags
            for key, value in tags.items():
                if value is not None:
                    self.client.set_registered_model_tag(name, key, value)
                elif key in has:
                    self.client.delete_registered_model_tag(name, key)

    def describe_model(self, name: str, version: int | None, description: str) -> None:
        """Set the description of a version, or of the model itself."""
        with calls(self.registry_uri, "model", name if version is None else f"{name}:{version}"):
            if version is None:
                self.client.update_registered_model(name, description)
            else:
                self.client.update_model_version(name, str(version), description)

    def alias_model(self, name: str, alias: str, version: int | None) -> None:
        """Point an alias at a version; ``None`` removes the alias."""
        check_name("alias", alias)
        with calls(self.registry_uri, "model", name):
            if version is None:
                self.client.delete_registered_model_alias(name, alias)
            else:
                self.client.set_registered_model_alias(name, alias, str(version))

    def delete_model(self, name: str, version: int | None = None) -> None:
        """Delete one version, or the model with all of them."""
        with calls(self.registry_uri, "model", name if version is None else f"{name}:{version}"):
            if version is None:
                self.client.get_registered_model(name)
                self.client.delete_registered_model(name)
            else:
                self.client.get_model_version(name, str(version))
                self.client.delete_model_version(name, str(version))

    def fetch_model(self, version: ModelVersion, into: Path) -> Path:
        """Download a model version's files into the folder ``into``; return the model's folder or file."""
        import_mlflow()
        import mlflow.artifacts

        ref = f"{version.name}:{version.version}"
        into.mkdir(parents=True, exist_ok=True)
        local = self.find_model(version)
        with calls(self.registry_uri, "model version", ref):
            if local is not None:
                return copy_into(local, into)
            uri = self.client.get_model_version_download_uri(version.name, str(version.version))
            return Path(
                mlflow.artifacts.download_artifacts(
                    artifact_uri=uri, dst_path=str(into), tracking_uri=self.uri, registry_uri=self.registry_uri
                )
            )

    def find_model(self, version: ModelVersion) -> Path | None:
        """Return where a version's files lie on this machine; ``None`` where they have to be fetched.

        Raises ``NoModelFiles``.
        """
        ref = f"{version.name}:{version.version}"
        with calls(self.registry_uri, "model version", ref):
            uri = self.client.get_model_version_download_uri(version.name, str(version.version))
            local = local_path(uri)
            if local is None:
                return None
            check_inside(uri, self._roots())
        if not local.exists():
            raise NoModelFiles(ref, local)
        return local

    def _roots(self) -> list[str]:
        """Return where artifacts of this store may be: the workspace's root and each experiment's own place."""
        return [self.artifact_root, *(one.artifact_location for one in self.client.search_experiments())]

    def _versions(self, name: str) -> list[Any]:
        """Return the versions of a model. MLflow's filters have no way to write a quote in a text of their kind of quotes."""
        quote = next((one for one in "'\"" if one not in name), "")
        query = {"filter_string": f"name={quote}{name}{quote}"} if quote else {}
        return [one for one in self._pages(self.client.search_model_versions, **query) if one.name == name]

    @staticmethod
    def _pages(search: Any, **query: Any) -> list[Any]:
        found: list[Any] = []
        token = None
        while True:
            page = search(**query, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return found


def _model(found: Any, made: Sequence[Any]) -> Model:
    versions = sorted((_version(one, found.aliases) for one in made), key=lambda one: -one.version)
    latest = max((int(one.version) for one in found.latest_versions or []), default=0)
    return Model(
        name=found.name,
        latest=max([latest, *(one.version for one in versions)]),
        description=found.description or "",
        tags=dict(found.tags),
        aliases={alias: int(number) for alias, number in found.aliases.items()},
        versions=versions,
    )


def _version(found: Any, aliases: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        created_at=(found.creation_timestamp or 0) / 1000,
        created_by=found.tags.get("mlops.actor", found.user_id or ""),
        run_id=RunId(found.run_id) if found.run_id else None,
        source=found.source or "",
        flavor=found.tags.get("mlops.flavor", ""),
        n_bytes=int(size) if (size := found.tags.get("mlops.n_bytes", "")).isdecimal() else None,
        description=found.description or "",
        tags={key: value for key, value in found.tags.items() if not key.startswith("mlops.")},
        aliases=[alias for alias, number in aliases.items() if int(number) == int(found.version)],
    )
