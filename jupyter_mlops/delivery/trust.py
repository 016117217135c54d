"""Types in a skops file that run code of their own when loaded, and who has accepted them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput, Forbidden
from jupyter_mlops.core.model import ModelVersion

TRUST: Final = "mlops.trust"
"""The tag of a manifest that names the accepted types; ``created_by`` says who accepted them."""


class NeedsTrust(Forbidden):
    """A model holds types that nobody has accepted."""

    code = "untrusted-types"


class BadSkops(BadInput):
    """A skops file that cannot be read."""

    code = "bad-model"


def untrusted_types(folder: Path, sklearn: Mapping[str, Any]) -> list[str]:
    """Return the types of a scikit-learn model's file that skops does not load by itself. Raises ``BadSkops``."""
    file = folder / str(sklearn.get("pickled_model") or "model.pkl")
    if sklearn.get("serialization_format") != "skops":
        return []
    import skops.io

    try:
        return sorted(skops.io.get_untrusted_types(file=file))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadSkops(f"The model file {file.name!r} cannot be read: {error}.", hint="Log the model again.") from error


def check_trust(version: ModelVersion, untrusted: list[str], vouched: list[str], *, actor: str, trust: bool) -> None:
    """Raise ``NeedsTrust`` unless ``trust`` is given, or the types were vouched for when this same actor logged it."""
    if trust or not untrusted:
        return
    own = version.created_by == actor
    missing = [name for name in untrusted if not (own and name in vouched)]
    if missing:
        ref = f"{version.name}:{version.version}"
        raise NeedsTrust(
            f"Model {ref} holds types that run code of their own when loaded: {', '.join(missing)}.",
            hint=f"If you know them, accept them once: `mlops manifests create {ref} --trust`.",
        )
