"""An image as OCI has it: its manifest, and the archive that holds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_mlops.hosts.layers import Member

OCI = "application/vnd.oci.image"
MANIFEST_TYPE = f"{OCI}.manifest.v1+json"


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A layer as it stands in an archive; without ``path`` the engine is trusted to have it."""

    digest: str
    n_bytes: int
    path: Path | None = None
    compressed: bool = False


def image_manifest(config: bytes, blobs: Sequence[Blob]) -> bytes:
    """Return OCI's manifest of an image: where its configuration and its layers are, from the bottom."""
    return to_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor("config.v1+json", sha256_of(config), len(config)),
            "layers": [
                _descriptor(f"layer.v1.tar{'+gzip' * blob.compressed}", blob.digest, blob.n_bytes) for blob in blobs
            ],
        }
    )


def members(config: bytes, tags: Sequence[str], blobs: Sequence[Blob]) -> Iterator[Member]:
    """Yield an archive that is both an OCI layout and what ``docker save`` writes, so that either store reads it."""
    manifest = image_manifest(config, blobs)
    top = _descriptor("manifest.v1+json", sha256_of(manifest), len(manifest))
    names = [{"io.containerd.image.name": f"docker.io/{tag}"} for tag in tags]
    yield Member(name="oci-layout", content=b'{"imageLayoutVersion":"1.0.0"}')
    yield Member(
        name="index.json",
        content=to_json({"schemaVersion": 2, "manifests": [top | {"annotations": name} for name in names]}),
    )
    yield Member(
        name="manifest.json",
        content=to_json(
            [
                {
                    "Config": f"blobs/sha256/{sha256_of(config)}",
                    "RepoTags": list(tags),
                    "Layers": [f"blobs/sha256/{blob.digest}" for blob in blobs],
                }
            ]
        ),
    )
    for content in (config, manifest):
        yield Member(name=f"blobs/sha256/{sha256_of(content)}", content=content)
    written = set()
    for blob in blobs:
        if blob.path and blob.digest not in written:
            written.add(blob.digest)
            yield Member(name=f"blobs/sha256/{blob.digest}", content=blob.path)


def _descriptor(kind: str, digest: str, n_bytes: int) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": n_bytes}


def sha256_of(content: bytes) -> str:
    """Return 64 digits."""
    return hashlib.sha256(content).hexdigest()


def to_json(value: object) -> bytes:
    """Return a value as JSON, the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
