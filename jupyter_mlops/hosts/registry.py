"""A container registry, spoken to over HTTP: OCI's distribution protocol, as far as pushing and pulling need it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urljoin, urlsplit

import requests

from jupyter_mlops.core.errors import BadInput, Failed, Forbidden, Unavailable
from jupyter_mlops.hosts.credentials import Credentials
from jupyter_mlops.hosts.layers import CHUNK
from jupyter_mlops.hosts.oci import Blob

DOCKER_HUB: Final = "docker.io"
TIMEOUT_S: Final = (10, 300)
"""To connect, and to wait for an answer: a registry stores a large layer before it answers."""
_TARGET: Final = re.compile(r"(?P<name>[^@\s]+):(?P<tag>[\w][\w.-]{0,127})")
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_REGISTRY: Final = re.compile(r"localhost|[^/]*[.:][^/]*|\[[0-9a-fA-F:]+\](?::\d+)?")
_SCOPES: Final = {"push": "pull,push", "pull": "pull"}
_DID: Final = {"push": "take", "pull": "give"}
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_LOOPBACK: Final = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?")


class BadTarget(BadInput):
    """What is not the name of an image in a registry."""

    code = "bad-image-name"

    def __init__(self, target: str) -> None:
        super().__init__(
            f"{target!r} does not name an image in a registry.",
            hint="Write REGISTRY/NAME:TAG in small letters, such as registry.example.org/team/churn:2.",
        )


class NoRegistry(Unavailable):
    """The registry does not answer."""

    code = "no-registry"


class PushDenied(Forbidden):
    """The registry does not take images from these credentials, or does not give them."""

    code = "push-denied"


class RegistryRefused(Failed):
    """The registry answers, but does not take the image, or does not have it."""

    code = "registry-refused"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where an image goes."""

    registry: str
    """``registry.example.org:5000``."""
    repository: str
    """``team/churn``."""
    tag: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``REGISTRY/NAME:TAG``; without a registry it is Docker Hub, as for Docker. Raises ``BadTarget``."""
        match = _TARGET.fullmatch(text)
        if match is None:
            raise BadTarget(text)
        registry, slash, repository = match["name"].partition("/")
        if not slash or not _REGISTRY.fullmatch(registry):
            registry, repository = DOCKER_HUB, match["name"]
            if not slash:
                repository = f"library/{repository}"
        if not _REPOSITORY.fullmatch(repository):
            raise BadTarget(text)
        return cls(registry=registry, repository=repository, tag=match["tag"])

    @classmethod
    def to_pull(cls, text: str) -> Target:
        """Read what Docker pulls: a name alone is its ``latest``, and a digest may stand for the tag. Raises ``BadTarget``."""
        name, at, digest = text.partition("@")
        label = name.rpartition("/")[2].partition(":")[2]
        found = cls.parse(name if label else f"{name}:latest")
        return cls(registry=found.registry, repository=found.repository, tag=digest) if at else found

    def __str__(self) -> str:
        """Return it as Docker takes it."""
        return f"{self.registry}/{self.repository}{'@' if ':' in self.tag else ':'}{self.tag}"


class Registry:
    """One repository of a registry. Every method raises ``NoRegistry``, ``PushDenied`` or ``RegistryRefused``."""

    def __init__(self, target: Target, credentials: Credentials, *, wants_to: Literal["push", "pull"] = "push") -> None:
        self._target, self._credentials, self._wants_to = target, credentials, wants_to
        self._session = requests.Session()
        self._authorization = ""
        self._local = _LOOPBACK.fullmatch(target.registry) is not None
        host = "registry-1.docker.io" if target.registry == DOCKER_HUB else target.registry
        self._root = f"https://{host}"
        if self._local and not self._speaks_tls():
            self._root = f"http://{host}"

    def close(self) -> None:
        """Let the connections go."""
        self._session.close()

    def check(self) -> None:
        """See that it answers, and that it lets us in."""
        self._ask("GET", f"{self._root}/v2/")

    def has(self, digest: str) -> bool:
        """Tell whether the registry has a blob in this repository."""
        return self._ask("HEAD", f"blobs/sha256:{digest}", also=(404,)).ok

    def upload(self, blob: Blob | bytes, digest: str, tell: Callable[[int], None]) -> None:
        """Store a blob. ``tell`` hears how many bytes went out, and may raise to cancel."""
        begun = self._ask("POST", "blobs/uploads/")
        place = urljoin(begun.url, begun.headers.get("Location", ""))
        place += f"{'&' if '?' in place else '?'}digest=sha256:{digest}"
        headers = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", place, body=lambda: _Body(blob, tell), headers=headers)

    def put_manifest(self, manifest: bytes, media_type: str) -> None:
        """Store an image's manifest under the tag, whose blobs are all there."""
        self._ask("PUT", f"manifests/{self._target.tag}", body=lambda: manifest, headers={"Content-Type": media_type})

    def manifest(self, reference: str) -> bytes:
        """Return a manifest or an index, by tag or by ``sha256:...``, whose content is then the one of that digest."""
        content = self._ask("GET", f"manifests/{reference}", headers={"Accept": ", ".join(_MANIFESTS)}).content
        self._verify(reference, hashlib.sha256(content).hexdigest())
        return content

    def download(self, digest: str, path: Path, tell: Callable[[int], None]) -> int:
        """Write the blob ``sha256:...`` into a file, verified; return its bytes. ``tell`` may raise to cancel."""
        found, n_bytes = hashlib.sha256(), 0
        # As it is: a proxy that unpacks it on the way would give it another digest.
        with self._ask("GET", f"blobs/{digest}", headers={"Accept-Encoding": "identity"}, stream=True) as answer:
            try:
                with path.open("wb") as file:
                    for chunk in answer.iter_content(CHUNK):
                        tell(len(chunk))
                        found.update(chunk)
                        n_bytes += file.write(chunk)
            except requests.RequestException as error:
                raise self._silent(error) from error
        self._verify(digest, found.hexdigest())
        return n_bytes

    def _verify(self, asked: str, found: str) -> None:
        if asked.startswith("sha256:") and asked != f"sha256:{found}":
            raise RegistryRefused(f"The registry {self._target.registry} gave another content than that of {asked}.")

    def _speaks_tls(self) -> bool:
        """Tell whether it speaks TLS. On this machine it need not, as for Docker; anywhere else it must."""
        try:
            self._send("GET", f"{self._root}/v2/", None, {})
        except requests.exceptions.SSLError as error:
            return "CERTIFICATE_VERIFY_FAILED" in str(error)
        except requests.RequestException:
            return False
        return True

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Callable[[], Any] = lambda: None,
        headers: dict[str, str] | None = None,
        also: tuple[int, ...] = (),
        stream: bool = False,
    ) -> requests.Response:
        """Send a request, and once more with what the registry's challenge asks for."""
        url = urljoin(f"{self._root}/v2/{self._target.repository}/", path)
        try:
            answer = self._send(method, url, body(), headers or {}, stream=stream)
            if answer.status_code == requests.codes.unauthorized:
                self._authorization = self._answer_to(answer.headers.get("WWW-Authenticate", ""))
                answer = self._send(method, url, body(), headers or {}, stream=stream)
        except requests.RequestException as error:
            raise self._silent(error) from error
        if answer.ok or answer.status_code in also:
            return answer
        raise self._refusal(answer)

    def _silent(self, error: requests.RequestException) -> NoRegistry:
        return NoRegistry(
            f"The registry {self._target.registry} does not answer: {_cause(error)}.",
            hint="Is the name right? Proxies and certificates are taken from HTTPS_PROXY and REQUESTS_CA_BUNDLE.",
        )

    def _send(
        self, method: str, url: str, body: Any, headers: dict[str, str], *, stream: bool = False
    ) -> requests.Response:
        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # Uploads may be sent on to a store elsewhere, which is not to see this. Set here, ~/.netrc stays out as well.
            if self._authorization and urlsplit(request.url).netloc == urlsplit(self._root).netloc:
                request.headers["Authorization"] = self._authorization
            return request

        return self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            auth=authorize,
            timeout=TIMEOUT_S,
            allow_redirects=True,
            stream=stream,
            proxies={"http": "", "https": ""} if self._local else None,
        )

    def _answer_to(self, challenge: str) -> str:
        """Return the Authorization header that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        known = self._credentials
        if scheme.lower() == "basic" and known.user:
            return "Basic " + base64.b64encode(f"{known.user}:{known.password}".encode()).decode()
        asked = dict(_CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in asked:
            raise self._denied("it asks for a login")
        query = {"scope": asked.get("scope") or f"repository:{self._target.repository}:{_SCOPES[self._wants_to]}"}
        query |= {"service": asked["service"]} if "service" in asked else {}
        if known.identity_token:
            form = query | {"grant_type": "refresh_token", "refresh_token": known.identity_token}
            answer = self._session.post(asked["realm"], data={**form, "client_id": "jupyter-mlops"}, timeout=TIMEOUT_S)
        else:
            login = (known.user, known.password) if known.user else _anonymous
            answer = self._session.get(asked["realm"], params=query, auth=login, timeout=TIMEOUT_S)
        if not answer.ok:
            raise self._denied(f"no token was given ({answer.status_code})")
        said = answer.json()
        return f"Bearer {said.get('token') or said.get('access_token')}"

    def _denied(self, why: str) -> PushDenied:
        who = repr(self._credentials.user) if self._credentials.user else "nobody's credentials"
        return PushDenied(
            f"The registry {self._target.registry} does not let {who} {self._wants_to}"
            f" {'to' if self._wants_to == 'push' else 'from'} {self._target.repository}: {why}.",
            hint=f"Log in with `docker login {self._target.registry}`, or ask for the right to {self._wants_to}.",
        )

    def _refusal(self, answer: requests.Response) -> Failed | Forbidden:
        try:
            said = "; ".join(str(one.get("message") or one["code"]) for one in answer.json()["errors"])
        except (ValueError, LookupError, TypeError, AttributeError):
            said = answer.reason or "no reason given"
        if answer.status_code in {requests.codes.unauthorized, requests.codes.forbidden}:
            return self._denied(said)
        return RegistryRefused(
            f"The registry {self._target.registry} did not {_DID[self._wants_to]} {self._target}: {said}"
            f" ({answer.status_code})."
        )


class _Body:
    """A blob as requests sends it, with its length in front, telling how far it is."""

    def __init__(self, blob: Blob | bytes, tell: Callable[[int], None]) -> None:
        self._blob, self._tell = blob, tell

    def __len__(self) -> int:
        return len(self._blob) if isinstance(self._blob, bytes) else self._blob.n_bytes

    def __iter__(self) -> Iterator[bytes]:
        if isinstance(self._blob, bytes):
            yield self._blob
            return
        with Path(self._blob.path or "").open("rb") as file:
            while chunk := file.read(CHUNK // 4):
                yield chunk
                self._tell(len(chunk))


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send as it is: without this, requests looks into ~/.netrc."""
    return request


def _cause(error: BaseException) -> str:
    """Return the innermost reason, in one line."""
    text = str(getattr(error.args[0] if error.args else error, "reason", error))
    text = re.sub(r"^HTTPS?Connection\(.*?\): ", "", text.rpartition(">:")[2].strip())
    return " ".join(text.rpartition(": [")[2].split()).rstrip(".") or type(error).__name__
