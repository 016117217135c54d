"""Who asks: the Jupyter identity, where it is one."""

from __future__ import annotations

import re
from typing import Final

from jupyter_server.auth.identity import User

# IdentityProvider.generate_anonymous_user: a new random user for each browser, or each request, that shows the shared token.
_ANONYMOUS_ID: Final = re.compile(r"[0-9a-f]{32}")


def actor_of(user: User) -> str | None:
    """Return the name that events are recorded under; ``None`` (the operating system's user) for who only shares the server's token."""
    if _ANONYMOUS_ID.fullmatch(user.username) and user.display_name.startswith("Anonymous "):
        return None
    return user.username
