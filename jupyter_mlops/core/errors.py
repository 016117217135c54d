"""Every error a user can meet, as data: what, why and the next command."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """An error as it is stored and sent: RFC 9457's members, plus our code and hint."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""


class MlopsError(Exception):
    """Base of every error that a user may meet. Raised with one sentence that names the thing.

    ``code`` is stable and part of the API, ``status`` is the HTTP status, ``exit_code`` the
    process's. ``hint`` says what to do next, best as a command.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    excerpt: str = ""
    """Lines of what was written with a mark where it is wrong, for faces that show text in a fixed width."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def problem(self) -> Problem:
        """Return the error as a record, for HTTP answers and for activities."""
        return Problem(
            type=f"urn:jupyter-mlops:{self.code}",
            title=self.code.replace("-", " ").capitalize(),
            status=self.status,
            detail=self.message,
            code=self.code,
            hint=self.hint,
        )

    def _render_traceback_(self) -> list[str]:
        """Two lines instead of a stack, which is what IPython shows."""
        lines = [f"{type(self).__name__}: {self.message}", *self.excerpt.splitlines()]
        if self.hint:
            lines.append(f"Hint: {self.hint}")
        return lines


# One family per meaning: the HTTP status and the exit code belong to the family.


class BadInput(MlopsError):
    """What was asked for makes no sense as written."""

    code, status, exit_code = "bad-input", 400, 2


class NotFound(MlopsError):
    """The thing named does not exist."""

    code, status, exit_code = "not-found", 404, 3


class Conflict(MlopsError):
    """The thing is in a state that does not allow this."""

    code, status, exit_code = "conflict", 409, 4


class Unavailable(MlopsError):
    """Something outside (a server, an engine, a disk) does not answer."""

    code, status, exit_code = "unavailable", 503, 5


class Forbidden(MlopsError):
    """Not allowed."""

    code, status, exit_code = "forbidden", 403, 6


class Failed(MlopsError):
    """The work was tried and failed."""

    code, status, exit_code = "failed", 500, 1


class NotWritten(Unavailable):
    """A disk takes no more, or the place is not ours to write. Nothing was left half-written."""

    code = "cannot-write"

    def __init__(self, what: str, error: OSError) -> None:
        """Say what cannot be written, and why."""
        super().__init__(
            f"{what} cannot be written: {error.strerror or error}.",
            hint="Make room there or make it writable, or name another place, and try again. Nothing was left half-written.",
        )


class Remote(MlopsError):
    """An error that happened in another process, rebuilt from its record."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail, hint=problem.hint)
        self.code = problem.code  # type: ignore[misc]  # the instance speaks for the class it came from
        self.status = problem.status  # type: ignore[misc]  # the same
        self.exit_code = exit_code_of(problem.status)  # type: ignore[misc]  # the same


EXIT_CODES = {
    **{cls.status: cls.exit_code for cls in (BadInput, NotFound, Conflict, Unavailable, Forbidden)},
    401: Forbidden.exit_code,
    429: Unavailable.exit_code,
}
"""What is not named here is the caller's fault from 400 on, and not from 500 on."""


def exit_code_of(status: int) -> int:
    """Return the exit code of a process for an HTTP status: 422 (a wrong column) is bad input as 400 is."""
    return EXIT_CODES.get(status, BadInput.exit_code if 400 <= status < 500 else Failed.exit_code)  # noqa: PLR2004  # HTTP's own


class BadName(BadInput):
    """A name breaks the rule for names."""

    code = "bad-name"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{_shown(name)!r} is not a name for {_article(kind)} {kind}.",
            hint="Use 1 to 100 letters, digits, dots, underscores and dashes, beginning with a letter or digit.",
        )


class BadTitle(BadInput):
    """A name that may be of any script breaks the rule for those."""

    code = "bad-name"

    def __init__(self, kind: str, name: object) -> None:
        super().__init__(
            f"{_shown(name) if isinstance(name, str) else name!r} is not a name for {_article(kind)} {kind}.",
            hint="Use 1 to 100 characters on one line, without quotes and backslashes; the first a letter or digit, the last no space.",
        )


class UnknownThing(NotFound):
    """A record that a verb needs is not there. ``plural`` is the noun of the command that lists them."""

    def __init__(self, kind: str, ref: str, *, plural: str | None = None) -> None:
        super().__init__(
            f"There is no {kind} {_shown(ref)!r} in this workspace.",
            hint=f"List them with `mlops {plural or kind + 's'} list` (in a notebook `%ml {plural or kind + 's'} list`).",
        )
        self.code = f"{kind.replace(' ', '-')}-not-found"  # type: ignore[misc]  # one class for all kinds


class FileThere(Conflict):
    """Something would be written over a file."""

    code = "file-exists"

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} exists.", hint="Name another file, or remove this one.")


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def _shown(name: str, most: int = 80) -> str:
    return name if len(name) <= most else name[: most - 3] + "..."
