"""Saved images: of `docker save`, and OCI layouts of several platforms, with layers packed in each way."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from jupyter_mlops.hosts.layers import Member, tar_stream
from jupyter_mlops.hosts.oci import sha256_of
from jupyter_mlops.hosts.pulling import from_archive
from jupyter_mlops.hosts.saved import BadArchive, opened

PACKED = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}


def layer(architecture: str) -> bytes:
    return b"".join(tar_stream([Member(name="where", content=architecture.encode())]))


def layout(file: Path, packed: str, **changes: object) -> Path:
    """Write an OCI layout for two platforms, below an index in an index, as buildx writes it."""
    blobs: dict[str, bytes] = {}

    def add(content: bytes) -> dict[str, object]:
        blobs[f"blobs/sha256/{sha256_of(content)}"] = content
        return {"digest": f"sha256:{sha256_of(content)}", "size": len(content)}

    entries = [{**add(b"{}"), "platform": {"os": "unknown", "architecture": "unknown"}}]
    for architecture in ("amd64", "arm64"):
        diff_id = f"sha256:{sha256_of(layer(architecture))}"
        config = {"architecture": architecture, "rootfs": {"type": "layers", "diff_ids": [diff_id]}, "config": {}}
        manifest = {
            "config": add(json.dumps(config | changes).encode()),
            "layers": [add(PACKED[packed](layer(architecture)))],
        }
        entry = add(json.dumps(manifest).encode())
        entries.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
    index = json.dumps({"manifests": [add(json.dumps({"manifests": entries}).encode())]}).encode()
    members = [Member(name="index.json", content=index)]
    members += [Member(name=name, content=content) for name, content in blobs.items()]
    file.write_bytes(b"".join(tar_stream(members)))
    return file


@pytest.mark.parametrize("packed", PACKED)
def test_an_oci_layout_gives_the_image_of_the_platform_with_layers_that_every_engine_takes(tmp_path, packed):
    file = layout(tmp_path / "both.tar", packed)
    with opened(file, "arm64") as saved:
        assert saved.architecture == "arm64"
        blob = saved.layer(0, tmp_path / "layer", lambda: None)
    content = (tmp_path / "layer").read_bytes()
    assert (blob.digest, blob.n_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert gzip.decompress(content) == layer("arm64")
    with tarfile.open(tmp_path / "layer") as archive:
        assert archive.getnames() == ["where"]


def test_a_base_image_out_of_a_layout_has_the_id_of_its_configuration(tmp_path):
    base = from_archive(layout(tmp_path / "both.tar", "gzip"), "base:1", "amd64")
    with opened(tmp_path / "both.tar", "amd64") as saved:
        assert base.id == f"sha256:{sha256_of(saved.config)}"
    assert base.architecture == "amd64"


def test_a_layer_that_is_not_the_one_that_the_image_names_is_refused(tmp_path):
    wrong = {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"]}
    with (
        opened(layout(tmp_path / "both.tar", "zstd", rootfs=wrong), "amd64") as saved,
        pytest.raises(BadArchive, match="layer 1 is damaged"),
    ):
        saved.layer(0, tmp_path / "layer", lambda: None)


def test_an_index_that_leads_nowhere_is_refused(tmp_path):
    index = json.dumps({"manifests": []}).encode()
    (tmp_path / "x.tar").write_bytes(b"".join(tar_stream([Member(name="index.json", content=index)])))
    with pytest.raises(BadArchive, match=r"x\.tar is not a whole image"), opened(tmp_path / "x.tar", "amd64"):
        pass
