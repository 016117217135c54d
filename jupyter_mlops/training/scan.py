"""Scan: which names one statement binds, changes and reads, by its syntax alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

Place = tuple[str, str | None]
"""A name, and the part of it that is meant (``df["a"]`` and ``df.a`` are ``("df", "a")``), ``None`` for all of it."""

# Attributes that speak of the whole thing, not of a part that could be set on its own.
_WHOLE: Final = frozenset({"T", "at", "columns", "data", "dtypes", "iat", "iloc", "index", "loc", "shape", "values"})
# Methods that change the thing they are called on. Called again, the first kind changes nothing more.
_SETTERS: Final = frozenset(
    {"add", "clear", "compile", "discard", "fit", "load_state_dict", "setdefault", "sort", "update"}
)
_CHANGERS: Final = frozenset(
    {
        "append",
        "appendleft",
        "backward",
        "extend",
        "insert",
        "partial_fit",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "step",
    }
)
# `df = df.dropna()`: what these return is the same when they are applied to it again.
_SETTLING: Final = frozenset(
    {"astype", "copy", "cpu", "cuda", "drop_duplicates", "dropna", "fillna", "lower", "rename", "reset_index"}
    | {"sort_index", "sort_values", "strip", "to", "upper"}
)
# Such arguments of `fit` belong to networks, which go on from where they were.
_GOES_ON: Final = frozenset({"batch_size", "epochs"})
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a statement does to a name."""

    name: str
    key: str | None = None
    whole: bool = True
    """It is bound anew: nothing that it was before counts."""
    settled: bool = True
    """Doing it twice in a row leaves what doing it once leaves."""


@dataclass(slots=True)
class Found:
    """What a piece of code does when it executes, in the order of its text."""

    effects: list[Effect] = field(default_factory=list)
    reads: dict[Place, None] = field(default_factory=dict)
    later: dict[str, Found] = field(default_factory=dict)
    """What the functions and classes that it binds do when they are called."""

    def reads_name(self, name: str) -> bool:
        """Tell whether a name, or a part of it, is read."""
        return any(read == name for read, _ in self.reads)


def scan(node: ast.stmt) -> Found:
    """Return what a statement at the top of a cell does."""
    found = Found()
    _Scan(found).visit(node)
    return found


class _Scan(ast.NodeVisitor):
    """Walks one statement. ``scopes`` are the names that are local to the functions around."""

    def __init__(self, found: Found, scopes: tuple[frozenset[str], ...] = ()) -> None:
        self._found = found
        self._scopes = scopes
        self._bound: set[str] = set()

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

    def _read(self, name: str, key: str | None = None) -> None:
        if name not in self._bound and not self._is_local(name):
            self._found.reads[name, key] = None

    def _bind(self, name: str, *, settled: bool = True) -> None:
        if self._is_local(name):
            return
        # in a function's body a name is either local to it or declared global
        itself = self._found.reads_name(name)
        self._found.effects.append(Effect(name, None, not itself, settled or not itself))
        self._bound.add(name)

    def _change(self, name: str, key: str | None, *, settled: bool) -> None:
        if not self._is_local(name):
            self._found.effects.append(Effect(name, key, whole=False, settled=settled))

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id)
        elif isinstance(node.ctx, ast.Del):
            if not self._is_local(node.id):
                self._found.effects.append(Effect(node.id))
        else:
            self._bind(node.id, settled=False)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._part(node, node.slice)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._part(node, None)

    def _part(self, node: ast.Subscript | ast.Attribute, slice_: ast.expr | None) -> None:
        if slice_ is not None:
            self.visit(slice_)
        root, keys = _place(node)
        if root is None:
            self.visit(node.value)
        elif isinstance(node.ctx, ast.Load):
            for key in keys:
                self._read(root, key)
        else:
            for key in keys:
                self._change(root, key, settled=(root, key) not in self._found.reads)

    def visit_Call(self, node: ast.Call) -> None:
        method = node.func
        if not isinstance(method, ast.Attribute):
            self.generic_visit(node)
            return
        root, keys = _place(method.value) if not isinstance(method.value, ast.Name) else (method.value.id, [None])
        if root is None:
            self.visit(method.value)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(argument)
        for key in keys if root is not None else ():
            self._read(str(root), key)
            settled = _how_it_changes(method.attr, node.keywords)
            if settled is not None:
                self._change(str(root), key, settled=settled)

    def visit_Assign(self, node: ast.Assign) -> None:
        lambda_of = node.targets[0] if len(node.targets) == 1 and isinstance(node.value, ast.Lambda) else None
        if isinstance(lambda_of, ast.Name) and not self._scopes:
            self._bind(lambda_of.id)
            self._function(lambda_of.id, node.value)
            return
        self.visit(node.value)
        for target in node.targets:
            self._target(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target, node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self._target(node.target, node.value)

    def _target(self, target: ast.expr, value: ast.expr) -> None:
        root, keys = (target.id, [None]) if isinstance(target, ast.Name) else _place(target)
        if root is not None and _settles(value, target):
            if isinstance(target, ast.Name):
                self._bind(root, settled=True)
            for key in keys if not isinstance(target, ast.Name) else ():
                self._change(root, key, settled=True)
            return
        self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        root, keys = (node.target.id, [None]) if isinstance(node.target, ast.Name) else _place(node.target)
        if root is None:
            self.visit(node.target)
        for key in keys if root is not None else ():
            self._read(str(root), key)
            self._change(str(root), key, settled=False)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    visit_AsyncFor = visit_For  # noqa: N815  # ast's names

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches([node.body, node.orelse])

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._branches([[case] for case in node.cases] + [[]])

    def _branches(self, branches: Sequence[Sequence[ast.AST]]) -> None:
        """Only what every branch binds is surely bound."""
        before, surely = set(self._bound), []
        n_effects = len(self._found.effects)
        for branch in branches:
            self._bound = set(before)
            for part in branch:
                self.visit(part)
            surely.append(self._bound)
        self._bound = set.intersection(*surely)
        effects = self._found.effects
        for number in range(n_effects, len(effects)):
            one = effects[number]
            if one.whole and one.name not in self._bound:
                effects[number] = Effect(one.name, one.key, whole=False, settled=one.settled)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                self._bind(alias.asname or alias.name)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        inner = _Scan(self._found, (*self._scopes, frozenset({node.name} if node.name else ())))
        inner._bound = self._bound  # the same walk, one local name more
        for part in node.body:
            inner.visit(part)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in node.decorator_list:
            self.visit(part)
        self._bind(node.name)
        self._function(node.name, node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # ast's names

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._body(node, self._found)

    def _function(self, name: str, node: ast.expr | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        assert isinstance(node, _FUNCTIONS)
        inside = bool(self._scopes)
        self._body(node, self._found if inside else self._found.later.setdefault(name, Found()))

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, into: Found) -> None:
        for default in (*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)):
            self.visit(default)
        body: list[ast.stmt] | list[ast.expr] = node.body if isinstance(node.body, list) else [node.body]
        inner = _Scan(into, (*self._scopes, frozenset(_locals(node))))
        for part in body:
            inner.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(part)
        own = frozenset(_stored(node.body))
        for one in node.body:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._function(node.name, one)  # what its methods read, they read when they are called
            else:
                _Scan(self._found, (*self._scopes, own)).visit(one)
        self._bind(node.name)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        names = {one.id for part in node.generators for one in ast.walk(part.target) if isinstance(one, ast.Name)}
        inner = _Scan(self._found, (*self._scopes, frozenset(names)))
        inner._bound = self._bound  # the same walk, some local names more
        inner.generic_visit(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815  # ast's names


def _place(node: ast.expr) -> tuple[str | None, list[str | None]]:
    """Return the name at the root of ``df["a"][0].b`` and the parts of it that are meant; no name if it is a call's."""
    keys: list[str | None] = [None]
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            keys = [None if node.attr in _WHOLE else node.attr]
        elif isinstance(node, ast.Subscript):
            inner = isinstance(node.value, ast.Attribute) and node.value.attr in {"loc", "iloc", "at", "iat"}
            keys = _keys(node.slice, column=inner)
            if inner and isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name):
                return node.value.value.id, keys
        else:
            return None, []
        node = node.value
    return node.id, keys


def _keys(slice_: ast.expr, *, column: bool) -> list[str | None]:
    """Return the constant keys of ``[...]``; of ``loc[rows, column]`` those of the column."""
    if column:
        if not isinstance(slice_, ast.Tuple) or len(slice_.elts) != 2:  # noqa: PLR2004  # rows and columns
            return [None]
        slice_ = slice_.elts[1]
    parts = slice_.elts if isinstance(slice_, ast.List) and slice_.elts else [slice_]
    return [str(part.value) if isinstance(part, ast.Constant) else None for part in parts]


def _how_it_changes(method: str, keywords: Iterable[ast.keyword]) -> bool | None:
    """Return whether a method changes its object so that a second time changes nothing more; ``None``: not at all."""
    given = {keyword.arg: keyword.value for keyword in keywords}
    inplace = given.get("inplace")
    if isinstance(inplace, ast.Constant) and inplace.value is True:
        return method in _SETTLING
    if method in _SETTERS:
        return not _GOES_ON & given.keys()
    if method in _CHANGERS or (method.endswith("_") and not method.startswith("_")):
        return False
    return None


def _settles(value: ast.expr, target: ast.expr) -> bool:
    """Tell whether ``target = value`` is like ``df = df.dropna()`` or ``df = df[df.a > 1]``: again, it changes nothing."""
    wanted = ast.unparse(target)
    while isinstance(value, (ast.Call, ast.Subscript)):
        if isinstance(value, ast.Call):
            if not isinstance(value.func, ast.Attribute) or value.func.attr not in _SETTLING:
                return False
            value = value.func.value
        elif isinstance(value.slice, (ast.Compare, ast.BinOp, ast.UnaryOp, ast.List)):
            value = value.value
        else:
            return False
        if ast.unparse(value) == wanted:
            return True
    return False


def _locals(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    every = node.args
    arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    names = {one.arg for one in arguments if one is not None}
    return names if isinstance(node, ast.Lambda) else names | _stored(node.body)


def _stored(body: Iterable[ast.stmt]) -> set[str]:
    """Return the names that a scope's own statements bind."""
    names: set[str] = set()
    declared: set[str] = set()
    for node in _own(body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.Global):
            declared.update(node.names)
    return names - declared


def _own(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk a scope without the scopes in it."""
    for node in body:
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)):
            yield from _own(ast.iter_child_nodes(node))
