"""Statements: a cell as IPython would execute it, each statement with what it does to which names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from jupyter_mlops.training.scan import Found, scan

_INLINE: Final = frozenset({"time", "prun", "memit", "capture", "mprun", "lprun"})
"""Magics that execute the code they are given, in the notebook's own names."""
_PLAIN: Final = frozenset(
    {
        "timeit",
        "bash",
        "sh",
        "script",
        "writefile",
        "file",
        "html",
        "HTML",
        "javascript",
        "js",
        "latex",
        "markdown",
        "svg",
    }
    | {"load_ext", "reload_ext", "matplotlib", "autoreload", "config", "cd", "pwd", "ls", "env", "pip", "conda", "ml"}
    | {
        "who",
        "whos",
        "who_ls",
        "pinfo",
        "pinfo2",
        "precision",
        "debug",
        "pdb",
        "tb",
        "xmode",
        "history",
        "system",
        "sx",
    }
)
"""Magics that bind no name."""
_CLEARING: Final = frozenset({"reset", "reset_selective"})
_COMPOUND: Final = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match)
_IMPORTS: Final = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement at the top of a cell."""

    text: str
    """Equal for statements that do the same, however they are laid out."""
    does: Found
    line: int
    """The last line of it, from 1."""
    first_line: int
    compound: bool = False
    imports: bool = False
    opaque: bool = False
    """It may bind names that its text does not tell: ``from x import *``, ``%run``."""
    clears: bool = False
    """It removes every name."""


class Reader:
    """Reads cells; what was read once is remembered by its text."""

    def __init__(self, transform: Callable[[str], str]) -> None:
        self._transform = transform
        self._known: dict[str, tuple[Statement, ...]] = {}
        self.n_read = 0
        """How many cells had to be analysed."""

    def read(self, source: str) -> tuple[Statement, ...]:
        """Return a cell's statements; none where it does not parse."""
        known = self._known.get(source)
        if known is None:
            self.n_read += 1
            known = self._known[source] = tuple(self._statements(source))
        return known

    def _statements(self, source: str) -> Iterator[Statement]:
        try:
            tree = ast.parse(self._transform(source))
        except (SyntaxError, ValueError, RecursionError):
            return
        for node in tree.body:
            yield from self._statement(node)

    def _statement(self, node: ast.stmt) -> Iterator[Statement]:
        if isinstance(node, _IMPORTS):
            yield from _imports(node)
            return
        magic = _magic(node)
        if magic is None:
            yield _plain(node)
            return
        kind, name, line, body = magic
        if kind == "begin_tracked_cell":
            return
        if name in _INLINE:
            code = body if kind == "run_cell_magic" else line
            if name == "capture" and line.split() and not line.startswith("-"):
                yield _plain(ast.parse(f"{line.split()[0]} = None").body[0], node)
            for inner in self._statements(code):
                yield _at(inner, node)
            return
        done = _plain(node)
        yield Statement(
            text=ast.dump(node),
            does=done.does,
            line=done.line,
            first_line=done.first_line,
            opaque=name not in _PLAIN | _CLEARING,
            clears=name in _CLEARING,
        )


def _plain(node: ast.stmt, at: ast.stmt | None = None) -> Statement:
    at = at or node
    does = scan(node)
    return Statement(
        text=ast.dump(node) if does.effects else "",
        does=does,
        line=at.end_lineno or at.lineno,
        first_line=at.lineno,
        compound=isinstance(node, _COMPOUND),
    )


def _at(inner: Statement, node: ast.stmt) -> Statement:
    return Statement(
        text=inner.text,
        does=inner.does,
        line=node.end_lineno or node.lineno,
        first_line=node.lineno,
        compound=True,
        imports=inner.imports,
        opaque=inner.opaque,
        clears=inner.clears,
    )


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Statement]:
    """Yield each imported name as a statement of its own: how imports are grouped does not matter."""
    for alias in node.names:
        one: ast.stmt
        if isinstance(node, ast.ImportFrom):
            one = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
        elif alias.asname is None:  # `import a.b` binds `a`
            one = ast.Import(names=[ast.alias(name=alias.name.partition(".")[0])])
        else:
            one = ast.Import(names=[alias])
        yield Statement(
            text=ast.dump(one),
            does=scan(one),
            line=node.end_lineno or node.lineno,
            first_line=node.lineno,
            imports=True,
            opaque=alias.name == "*",
        )


def _magic(node: ast.stmt) -> tuple[str, str, str, str] | None:
    """Return what IPython made of a magic that stands alone: the call, the magic's name, its line and its body."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    shell = call.func.value
    if not isinstance(shell, ast.Call) or not isinstance(shell.func, ast.Name) or shell.func.id != "get_ipython":
        return None
    if call.func.attr not in {"run_line_magic", "run_cell_magic", "begin_tracked_cell"}:
        return None
    words = [str(one.value) if isinstance(one, ast.Constant) else "" for one in call.args]
    name, line, body = (*words, "", "", "")[:3]
    return call.func.attr, name, line, body
