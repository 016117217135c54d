"""A registry's credentials: what `docker login` left in Docker's own configuration or in its credential helper."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from jupyter_mlops.core.errors import Unavailable


class NoCredentials(Unavailable):
    """Docker's configuration or its credential helper cannot be read."""

    code = "no-registry-credentials"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who pushes. Empty: nobody in particular."""

    user: str = ""
    password: str = ""
    identity_token: str = ""
    """What some registries give at login instead of keeping the password."""

    def __repr__(self) -> str:
        """Say the user alone, so that no traceback or log shows the rest."""
        return f"Credentials(user={self.user!r})"


def credentials_for(registry: str) -> Credentials:
    """Return what ``docker login REGISTRY`` stored; empty if nothing. Raises ``NoCredentials``."""
    from docker import auth, errors

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that a helper is missing: it is an error a moment later
            found = auth.load_config().resolve_authconfig(registry) or {}
    except (errors.DockerException, OSError, ValueError) as error:
        raise NoCredentials(
            f"The credentials for {registry} cannot be had: {' '.join(str(error).split()).rstrip('.')}.",
            hint="Docker's configuration, $DOCKER_CONFIG/config.json or ~/.docker/config.json, names the helper.",
        ) from error
    lower = {key.lower(): str(value) for key, value in found.items() if value}
    return Credentials(
        user=lower.get("username", ""),
        password=lower.get("password", ""),
        identity_token=lower.get("identitytoken", ""),
    )
