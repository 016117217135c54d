"""Client programs: code in six languages that calls a service as it is, with its address and a row that scores filled in."""

from __future__ import annotations

import importlib.resources
import json
import pprint
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.manifest import ColumnType, Manifest, Schema, Tensor
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.calls import ANYWHERE
from jupyter_mlops.delivery.deployments import find_deployment
from jupyter_mlops.delivery.keys import read_keys
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.delivery.schemas import shortened
from jupyter_mlops.ports import World

VARIABLE: Final = "MLOPS_KEY"
"""The environment variable from which programs take a service's key."""
Language = Literal["python", "java", "csharp", "r", "javascript", "curl"]
AUTHORITY: Final = "authority.pem"
"""What a copy of the workspace's authority is called beside a program."""
_WIDTH: Final = 110
_PART: Final = 16_000
"""Java takes string constants of at most 65,535 bytes; a character is at most three of them, escaped at most six."""
_VALUES: Final[Mapping[ColumnType, Any]] = {
    "boolean": True,
    "integer": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "string": "",
    "binary": "",
    "datetime": "2026-01-01T00:00:00",
    "any": None,
}


class NotDeployed(Conflict):
    """A service that nothing answers for yet."""

    code = "not-deployed"


class ClientProgram(Record, frozen=True, kw_only=True):
    """A program that calls a service."""

    language: Language
    file: str
    """What to call its file."""
    run: str
    """The command that runs it."""
    source: str


class Example(Record, frozen=True, kw_only=True):
    """A body that a service scores."""

    deployment: str
    manifest: str
    """``NAME:VERSION``."""
    body: Any
    is_sample: bool
    """Whether it is the manifest's own sample; else it was made up from the schema."""
    takes_bytes: bool = False
    """Whether a body may also be a picture, or whatever bytes, as they are."""


class _Dialect(Record, frozen=True, kw_only=True):
    """How a language writes what is filled in."""

    file: str
    run: str
    trusting: str
    """``run`` where the certificate that the service shows is self-made."""
    key: str
    """The expression that reads the key from the environment, ``{}`` standing for the variable."""
    text: Callable[[str], str]
    """Writes a string."""
    body: Callable[[Any], str]
    """Writes the sample."""


def client_program(world: World, name: str, language: Language, *, with_key: bool = False) -> ClientProgram:
    """Return a program that sends the manifest's sample to a service and prints the answer.

    It takes the key from the variable ``MLOPS_KEY``; ``with_key`` writes the primary key into the program. The sample is
    of the deployment that most of the traffic goes to. Raises ``UnknownThing``, ``NotDeployed``, and ``NoKeys`` where the
    key is wanted and not here.
    """
    service = world.catalog.get(Service, name)
    if not service.url or not service.deployments:
        raise _not_deployed(name)
    most = max(service.deployments, key=lambda one: one.weight)
    dialect = _DIALECTS[language]
    take = f'The key is read from the variable {VARIABLE}: export {VARIABLE}="$(mlops services keys list {name} --primary)"'
    run, trust = dialect.run, ""
    if service.certificate is not None and service.certificate.kind == "self-made":
        run = dialect.trusting
        trust = f"Its certificate is self-made. Copy the file that `mlops services tls {name}` names to {AUTHORITY} and run: {run}"
    filled = {
        "SERVICE": name,
        "URL": service.url.replace(f"//{ANYWHERE}:", f"//{service.node or '127.0.0.1'}:", 1),
        "KEY": dialect.text(read_keys(world, name).primary) if with_key else dialect.key.format(VARIABLE),
        "KEY_HINT": "It holds the service's key: keep it where only you can read it." if with_key else take,
        "TRUST_HINT": trust,
        "IMPORT_OS": "" if with_key else "import os\n",
        "BODY": dialect.body(example(show_manifest(world, most.manifest))),
        "TIMEOUT_S": str(max(1, round(service.limits.timeout_s + 5))),
    }
    template = importlib.resources.files(__package__).joinpath("programs", f"{dialect.file}.in").read_text("utf-8")
    if not trust:
        template = re.sub("(?m)^.*@TRUST_HINT@\n", "", template)
    source = re.sub("@([A-Z_]+)@", lambda found: filled[found[1]], template)
    return ClientProgram(language=language, file=dialect.file, run=run, source=source)


def service_example(world: World, name: str, deployment: str = "") -> Example:
    """Return a body for a deployment, the one that most of the traffic goes to unless it is named.

    Raises ``UnknownThing``, ``UnknownDeployment`` and ``NotDeployed``.
    """
    service = world.catalog.get(Service, name)
    if not service.deployments:
        raise _not_deployed(name)
    most = max(service.deployments, key=lambda one: one.weight)
    part = find_deployment(service, deployment) if deployment else most
    manifest = show_manifest(world, part.manifest)
    sample = manifest.sample
    return Example(
        deployment=part.name,
        manifest=part.manifest,
        body=example(manifest) if sample is None else sample,
        is_sample=sample is not None,
        takes_bytes=manifest.takes_bytes,
    )


def _not_deployed(name: str) -> NotDeployed:
    return NotDeployed(
        f"Service {name!r} has no address yet.", hint=f"Ask again when it is ready: `mlops services show {name}`."
    )


def example(manifest: Manifest) -> Any:
    """Return a request body of one row: of the manifest's sample, else made up from its schema."""
    if manifest.sample is not None:
        joins = all(tensor.shape[:1] == [-1] for tensor in manifest.schema.tensors)
        return shortened(manifest.sample, rows=1) if manifest.script is None and joins else manifest.sample
    schema = manifest.schema
    if schema.columns:
        return {"data": [{column.name: _VALUES[column.type] for column in schema.columns if column.required}]}
    return {"inputs": _tensors(schema)} if schema.tensors else {"data": []}


def _tensors(schema: Schema) -> Any:
    if len(schema.tensors) == 1 and not schema.tensors[0].name:
        return _zeros(schema.tensors[0])
    return {tensor.name: _zeros(tensor) for tensor in schema.tensors}


def _zeros(tensor: Tensor) -> Any:
    found: Any = {"f": 0.0, "b": False}.get(tensor.dtype[:1], "" if tensor.dtype in {"str", "object"} else 0)
    for length in reversed(tensor.shape):
        found = [found] * (1 if length == -1 else length)
    return found


def _quoted(text: str) -> str:
    """Return a string as Java, C#, R and JavaScript write it. What is not ASCII was escaped in its JSON already."""
    return json.dumps(text)


def _parts(text: str) -> str:
    """Return a string for Java, in parts where it is longer than a constant may be."""
    if len(text) <= _PART:
        return _quoted(text)
    parts = [_quoted(text[at : at + _PART]) for at in range(0, len(text), _PART)]
    return f'String.join("",\n            {f",{chr(10)}            ".join(parts)})'


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _ascii(body: Any) -> str:
    """Return JSON without anything that a file's or a terminal's encoding could change."""
    return json.dumps(msgspec.to_builtins(body))


_DIALECTS: Final[Mapping[Language, _Dialect]] = {
    "python": _Dialect(
        file="client.py", run="python3 client.py", trusting=f"SSL_CERT_FILE={AUTHORITY} python3 client.py", key='os.environ["{}"]', text=repr,
        body=lambda body: pprint.pformat(body, width=_WIDTH, compact=True, sort_dicts=False),
    ),
    "java": _Dialect(
        file="Client.java", run="java Client.java",
        trusting=f"keytool -importcert -noprompt -file {AUTHORITY} -keystore trust.p12 -storepass changeit && "
        "java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit Client.java",
        key='System.getenv("{}")', text=_quoted,
        body=lambda body: _parts(_ascii(body)),
    ),
    "csharp": _Dialect(
        file="client.cs", run="mcs -r:System.Net.Http client.cs && mono client.exe",
        trusting=f"cert-sync --user {AUTHORITY} && mcs -r:System.Net.Http client.cs && mono client.exe",
        key='Environment.GetEnvironmentVariable("{}")', text=_quoted, body=lambda body: _quoted(_ascii(body)),
    ),
    "r": _Dialect(
        file="client.R", run="Rscript client.R", trusting=f"CURL_CA_BUNDLE={AUTHORITY} Rscript client.R", key='Sys.getenv("{}")', text=_quoted,
        body=lambda body: _quoted(_ascii(body)),
    ),
    "javascript": _Dialect(
        file="client.js", run="node client.js", trusting=f"NODE_EXTRA_CA_CERTS={AUTHORITY} node client.js", key="process.env.{}", text=_quoted,
        body=lambda body: json.dumps(body, indent=1 if len(_ascii(body)) > _WIDTH else None),
    ),
    "curl": _Dialect(
        file="client.sh", run="sh client.sh", trusting=f"CURL_CA_BUNDLE={AUTHORITY} sh client.sh", key="${{{}:?}}", text=_shell, body=lambda body: _shell(_ascii(body))
    ),
}  # fmt: skip
