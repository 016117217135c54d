"""Two people of one server, as a hub tells them apart: Ada may do everything, Rita may look."""

from __future__ import annotations

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User

TOKENS = {"ada-secret": "ada", "rita-secret": "rita"}


class TwoPeople(IdentityProvider):
    """Knows people by their tokens, as a hub does."""

    async def get_user_token(self, handler) -> User | None:
        name = TOKENS.get(self.get_token(handler) or "")
        return User(name) if name else None


class Roles(Authorizer):
    """Rita may read, and nothing else: not even open Jupyter's own event socket."""

    def is_authorized(self, handler, user, action, resource) -> bool:  # noqa: ARG002  # Jupyter Server's signature
        return user.username == "ada" or action == "read"
