"""A scoring script and the files beside it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.delivery.bundles import LeavesFolder
from jupyter_mlops.inputs.ignorefiles import IGNORE_FILES
from jupyter_mlops.inputs.walk import walk

IGNORE_NAMES: Final = frozenset(os.fsdecode(name) for name in IGNORE_FILES)


class BadScript(BadInput):
    """A scoring script that cannot answer."""

    code = "bad-script"


def check_script(script: Path) -> None:
    """Check that a scoring script is Python and defines ``init`` and ``run``. Raises ``BadScript``."""
    hint = "A scoring script defines `init()`, called once, and `run(data)`, called for each request."
    try:
        tree = ast.parse(script.read_bytes(), filename=script.name)
    except OSError as error:
        raise BadScript(
            f"There is no scoring script to read at {str(script)!r}: {error.strerror}.", hint=hint
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" at line {line}" if line else ""
        raise BadScript(f"The scoring script {script.name!r} is not Python{where}: {error}.", hint=hint) from error
    if script.suffix != ".py":
        raise BadScript(f"The scoring script {script.name!r} does not end in .py.", hint=hint)
    missing = [name for name in ("init", "run") if name not in _bound(tree)]
    if missing:
        raise BadScript(f"The scoring script {script.name!r} does not define {' and '.join(missing)}.", hint=hint)


def files_beside(script: Path) -> Iterator[Path]:
    """Yield the script and the files of its folder that a snapshot would take. Raises ``LeavesFolder`` for a link."""
    folder = script.parent.resolve()
    names = {os.fsdecode(path) for path, _ in walk(folder).files()} | {script.name}
    for name in sorted(names):
        file = folder / name
        if file.is_symlink() and not file.resolve().is_relative_to(folder):
            raise LeavesFolder(name, str(folder))
        if file.is_file() and file.name not in IGNORE_NAMES:
            yield file


def _bound(tree: ast.Module) -> set[str]:
    """Return the names that a module's top level binds, imports and assignments included."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
