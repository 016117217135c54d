"""How many records a list may be asked for."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Most = Annotated[int, Meta(ge=1, le=10_000)]
