"""Hidden state: what a cell used that executing its notebook from top to bottom would not give.

Two programs are compared: the statements that were executed, in their order, and those of the notebook as it is now,
from its top to the tracked cell. For each name that the cell reads, and each that those were made from, the statements
that made it must be the same in both. So whatever does no harm is no finding: another order of cells that do not
touch each other, a cell that was moved, split or reformatted, one that was executed again with the same outcome.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_mlops.core.origin import Cause, HiddenName
from jupyter_mlops.training.history import INJECTED, Cell, Execution, View
from jupyter_mlops.training.program import Program, Step
from jupyter_mlops.training.scan import Place
from jupyter_mlops.training.statements import Reader, Statement

MOST: Final = 20
"""So many names are told at most."""
_MOST_STEPS: Final = 20_000


class Session:
    """What was executed in this kernel so far, as a program."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.executions: list[Execution] = []
        self._program: Program[Execution] = Program()
        self._bound: dict[str, frozenset[str]] = {}
        self._before = 0

    def add(self, execution: Execution) -> None:
        """Add an execution that has ended."""
        self.executions.append(execution)
        self._before = len(self._program)
        for statement, stopped in executed(self._reader.read(execution.source), execution.stopped_at):
            more = execution.bound if statement.opaque else frozenset()
            if more:
                self._bound[statement.text] = more
            self._program.append(statement, execution, more=more, stopped=stopped)

    def is_opaque(self, source: str) -> bool:
        """Tell whether a cell may bind names that its text does not tell."""
        return any(statement.opaque for statement in self._reader.read(source))

    def hidden(self, view: View) -> list[HiddenName]:
        """Return what the cell that was executed last used and the notebook would not give."""
        return _Comparison(self, view).findings()

    def expected(self, view: View) -> tuple[Program[Cell], dict[int, int]]:
        """Return the notebook as a program, and where in it each cell begins."""
        program: Program[Cell] = Program()
        begins = {}
        for cell in view.cells:
            begins[id(cell)] = len(program)
            for statement in self._reader.read(cell.source):
                program.append(statement, cell, more=self._bound.get(statement.text, ()) if statement.opaque else ())
        return program, begins

    @property
    def last(self) -> tuple[Program[Execution], int]:
        """The program, and where in it the last execution begins."""
        return self._program, self._before


def executed(statements: Sequence[Statement], stopped_at: int | None) -> list[tuple[Statement, bool]]:
    """Return the statements that were executed, and whether each was stopped half-way."""
    if stopped_at is None:
        return [(one, False) for one in statements]
    done = [(one, False) for one in statements if one.line < stopped_at]
    return done + [(one, True) for one in statements if one.first_line <= stopped_at <= one.line and one.compound]


@dataclass(frozen=True)
class _Question:
    """Is this place the same before these two statements?"""

    place: Place
    at: int
    expected_at: int | None
    """``None`` when nobody knows where that statement stands."""
    via: str = ""
    skip: bool = False
    """What the tracked cell itself did before, and may repeat, does not count."""


class _Comparison:
    def __init__(self, session: Session, view: View) -> None:
        self._view = view
        self._tracked = session.executions[-1]
        self._actual, self._begin = session.last
        self._expected, begins = session.expected(view)
        self._texts = self._expected.texts()
        self._ran = {view.cell_of(one) for one in session.executions}
        self._executed_texts = self._actual.texts()
        for one in session.executions:
            if view.is_floating(one):
                self._texts |= dict.fromkeys((s.text for s in session._reader.read(one.source) if s.text), -1)  # noqa: SLF001  # of one module
        own = view.cell_of(self._tracked)
        self._own = own
        self._own_at = begins[id(own)] if own is not None and view.ordered else None
        self._asked: set[tuple[Place, int, int | None]] = set()
        self._found: dict[tuple[str, object], HiddenName] = {}

    def findings(self) -> list[HiddenName]:
        queue = deque(self._questions())
        while queue and len(self._found) < MOST and len(self._asked) < _MOST_STEPS:
            question = queue.popleft()
            key = (question.place, question.at, question.expected_at)
            if key in self._asked or question.place[0].startswith("_ih"):
                continue
            self._asked.add(key)
            queue += self._answer(question)
        return list(self._found.values())

    def _questions(self) -> list[_Question]:
        """Ask for all that the tracked cell read."""
        questions = []
        for index in range(self._begin, len(self._actual)):
            does = self._actual.statement(index)[0].does
            at = None if self._own_at is None else self._own_at + index - self._begin
            settled = {effect.name for effect in does.effects if effect.settled}
            questions += [_Question(place, index, at, skip=place[0] in settled) for place in does.reads]
        return questions

    def _answer(self, question: _Question) -> list[_Question]:
        """Compare what made one place; return what must be asked in turn."""
        actual = self._chain(question)
        at = question.expected_at
        known = at is not None and not any(self._view.is_floating(step.owner) for step in actual)
        pairs: list[tuple[Step[Execution], int | None]]
        if known and at is not None:
            expected = self._chain_expected(question, at)
            if not self._compare(question, actual, expected):
                return []
            pairs = [(one, other.index) for one, other in zip(actual, expected, strict=True)]
        else:
            if not self._are_there(question, actual):
                return []
            pairs = [(step, self._where(step)) for step in actual]
        name = question.place[0]
        asked = [
            _Question(place, step.index, other, via=name)
            for step, other in pairs
            for place in step.statement.does.reads
            if place != (name, None)
        ]
        body = self._actual.body(name, actual)
        if body is not None:  # a function reads its names when it is called
            asked += [_Question(place, question.at, at, via=name) for place in body.reads if place[0] != name]
        return asked

    def _where(self, step: Step[Execution]) -> int | None:
        index = self._texts.get(step.text, -1)
        return index if index >= 0 and self._view.ordered else None

    def _chain(self, question: _Question) -> list[Step[Execution]]:
        chain = [
            step
            for step in self._actual.chain(question.place, question.at)
            if not step.owner.source.startswith(INJECTED)
        ]
        if not question.skip:
            return chain
        return [
            step
            for step in chain
            if not (step.effect.settled and not step.effect.whole and step.index < self._begin and self._is_own(step))
        ]

    def _is_own(self, step: Step[Execution]) -> bool:
        own = self._tracked
        return step.owner is not own and ((step.owner.cell_id == own.cell_id != "") or step.owner.source == own.source)

    def _chain_expected(self, question: _Question, at: int) -> list[Step[Cell]]:
        return self._expected.chain(question.place, at)

    def _are_there(self, question: _Question, chain: list[Step[Execution]]) -> bool:
        """Tell whether every statement is still somewhere in the notebook, where its order is not known."""
        for step in chain:
            if step.text and step.text not in self._texts and not step.text.startswith("calls "):
                self._tell(question, self._cause(step, None, chain), step, None)
                return False
        return True

    def _compare(self, question: _Question, actual: list[Step[Execution]], expected: list[Step[Cell]]) -> bool:
        for number in range(max(len(actual), len(expected))):
            one = actual[number] if number < len(actual) else None
            other = expected[number] if number < len(expected) else None
            if one is None or other is None or one.text != other.text:
                self._tell(question, self._cause(one, other, actual), one, other)
                return False
        return True

    def _cause(self, one: Step[Execution] | None, other: Step[Cell] | None, chain: list[Step[Execution]]) -> Cause:
        cause = self._cause_in_cell(one, chain) if one is not None else None
        if cause is not None:
            return cause
        if other is not None and other.owner is not self._own and other.text not in self._executed_texts:
            return "changed" if other.owner in self._ran else "skipped"
        return "order"

    def _cause_in_cell(self, one: Step[Execution], chain: list[Step[Execution]]) -> Cause | None:
        """Return what became of the cell that a name came from; ``None`` when nothing did."""
        cell = self._view.cell_of(one.owner)
        there = one.text in self._texts
        if one.text.endswith(" stopped") and not there:
            return "stopped"
        if cell is None:
            return "removed"
        if not there:
            return "changed"
        if self._own is not None and self._own_at is not None and (cell.position or 0) > (self._own.position or 0):
            return "below"
        repeated = sum(step.text == one.text for step in chain) > 1 or self._is_own(one)
        return "repeated" if repeated else None

    def _tell(self, question: _Question, cause: Cause, one: Step[Execution] | None, other: Step[Cell] | None) -> None:
        variable = question.place[0]
        cell = self._view.cell_of(one.owner) if one is not None else other.owner if other is not None else None
        if cause in {"skipped", "order"} and other is not None and (one is None or cause == "skipped"):
            cell, one = other.owner, None
        count = one.owner.count if one is not None else None
        cell_id = one.owner.cell_id if one is not None else cell.id if cell is not None else ""
        position = cell.position if cell is not None else None
        self._found.setdefault(
            (variable, cell_id or count or position),
            HiddenName(
                variable=variable,
                cause=cause,
                cell_id=cell_id,
                position=position,
                execution_count=count,
                text=sentence(variable, cause, count, position, via=question.via),
            ),
        )


def sentence(variable: str, cause: Cause, count: int | None, position: int | None, *, via: str = "") -> str:
    """Say what is hidden, naming variable and cell."""
    ran = f"[{count}]" if count is not None else ""
    place = f"number {position}" if position is not None else ""
    cell = f" (cell {', '.join(filter(None, [ran, place]))})" if ran or place else ""
    said = {
        "removed": f"comes from a cell that is not in the notebook any more{cell}",
        "changed": f"comes from a cell that was changed after it ran{cell}",
        "below": f"comes from a cell that stands below this one{cell}",
        "order": f"comes from cells that ran in another order than they stand in{cell}",
        "repeated": f"was changed again by a cell that ran more than once{cell}",
        "stopped": f"comes from a cell that stopped half-way{cell}",
        "skipped": f"is also set by a cell above that was not run{cell}",
    }[cause]
    made = f", from which `{via}` was made," if via and via != variable else ""
    return f"`{variable}`{made} {said}."
