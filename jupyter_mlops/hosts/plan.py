"""An image to be: its base, its layers and how it starts, from which its id follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_mlops.hosts.bases import Base
from jupyter_mlops.hosts.layers import Layer
from jupyter_mlops.hosts.oci import sha256_of, to_json

INPUTS = "mlops.inputs"
"""The label by which an image is found that would be built from the same inputs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An image to be: what goes on the base, and how it starts."""

    base: Base
    layers: Sequence[Layer]
    settings: Mapping[str, Any]
    """Docker's image configuration (``Env``, ``Entrypoint``, ``Labels``, ...)."""
    created: str
    """RFC 3339."""
    tags: Sequence[str]

    @property
    def config(self) -> bytes:
        """The image's configuration; its SHA-256 is the image's id in Docker's classic store."""
        settings = dict(self.settings)
        settings["Labels"] = {**settings["Labels"], INPUTS: self.inputs}
        return to_json({**self._frame(), "config": settings})

    @property
    def image_id(self) -> str:
        """What Docker's classic store calls it."""
        return f"sha256:{sha256_of(self.config)}"

    @property
    def inputs(self) -> str:
        """A digest of all that makes the image. It is the same in stores that give the image another id."""
        return sha256_of(to_json({**self._frame(), "config": self.settings}))

    def _frame(self) -> dict[str, Any]:
        diff_ids = [*self.base.diff_ids, *(f"sha256:{layer.digest}" for layer in self.layers)]
        made_by = [f"FROM {self.base.name}"] * len(self.base.diff_ids) + [layer.made_by for layer in self.layers]
        return {
            "architecture": self.base.architecture,
            "os": "linux",
            "created": self.created,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": self.created, "created_by": each} for each in made_by],
        }
