"""The parameters that a script or notebook can be given, as its text declares them: nothing is executed."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.core.record import Record
from jupyter_mlops.training.submit import check_file

_TAG = "parameters"


class Parameter(Record, frozen=True, kw_only=True):
    """One parameter and what it is unless it is given."""

    name: str
    value: str = ""
    """Its default as it is written in a run's parameters; empty where it has none."""
    required: bool = False
    help: str = ""
    """What the file says about it: the comment beside it, or argparse's help."""


def file_parameters(file: Path) -> list[Parameter]:
    """Return a notebook's parameters (its cell tagged ``parameters``), or a script's (its argparse options).

    Raises ``NotFound`` and ``BadFile`` as ``submit_file`` does.
    """
    check_file(file)
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        return list(_options(ast.parse(text)))
    for cell in json.loads(text)["cells"]:
        if cell.get("cell_type") == "code" and _TAG in cell.get("metadata", {}).get("tags", []):
            return list(_assigned("".join(cell.get("source", ""))))
    return []


def _assigned(source: str) -> Iterator[Parameter]:
    """Yield what a cell assigns, one name at a time, as papermill takes them."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a magic in it: papermill gives parameters all the same, they are just not known
        return
    comments = dict(_comments(source))
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if isinstance(target, ast.Name):
            told = comments.get(node.end_lineno or node.lineno, "")
            yield Parameter(name=target.id, value=_written(value), help=told)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ").strip()


def _options(tree: ast.Module) -> Iterator[Parameter]:
    """Yield the ``--options`` of every ``add_argument`` call; a run gives a script nothing else."""
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
        ):
            continue
        flags = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        name = next((flag[2:] for flag in flags if flag.startswith("--")), None)
        given = {word.arg: word.value for word in node.keywords if word.arg}
        if name is None or "action" in given:  # a switch takes no value, and a run's parameter always has one
            continue
        default, required, told = given.get("default"), given.get("required"), given.get("help")
        yield Parameter(
            name=name,
            value=_written(default) if default is not None and _literal(default) is not None else "",
            required=required is not None and _literal(required) is True,
            help=str(_literal(told) or "") if told is not None else "",
        )


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _written(node: ast.expr) -> str:
    """Return a value as a run's parameters have it: text without its quotes, all else as Python writes it.

    Text that would be taken for a number, a list and the like keeps its quotes, so that it stays text.
    """
    value = _literal(node)
    if not isinstance(value, str):
        return ast.unparse(node)
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    return repr(value)
