"""Ignore files, decided exactly as git decides them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from blake3 import blake3

# What follows is git's dir.c (parse_path_pattern, match_basename, match_pathname) and wildmatch.c, on bytes, with each
# pattern turned into a regular expression once. Names are as git has them so that the two can be read side by side.

_SPECIAL: Final = frozenset(b"*?[\\")
_CLASSES: Final[dict[bytes, Callable[[str], bool]]] = {
    b"alnum": str.isalnum,
    b"alpha": str.isalpha,
    b"blank": lambda c: c in " \t",
    b"cntrl": lambda c: c < " " or c == "\x7f",
    b"digit": str.isdigit,
    b"graph": lambda c: "!" <= c <= "~",
    b"lower": str.islower,
    b"print": lambda c: " " <= c <= "~",
    b"punct": lambda c: "!" <= c <= "~" and not c.isalnum(),
    b"space": lambda c: c in " \t\n\r",  # git's own isspace, which is not C's
    b"upper": str.isupper,
    b"xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
_NEVER: Final = b"(?!)"


class Pattern:
    """One line of an ignore file."""

    __slots__ = ("_match", "expression", "literal", "must_be_dir", "negative", "no_dir")

    def __init__(self, line: bytes) -> None:
        """Parse a line that is neither empty nor a comment, its trailing spaces already gone."""
        self.negative = line.startswith(b"!")
        text = line[1:] if self.negative else line
        self.must_be_dir = text.endswith(b"/")
        pattern = text[:-1] if self.must_be_dir else text
        self.no_dir = b"/" not in pattern
        if not self.no_dir and pattern.startswith(b"/"):
            pattern = pattern[1:]
        plain = _plain_length(pattern)
        self.literal = pattern if plain == len(pattern) else None
        # git compares what stands before the first wildcard as text and gives only the rest to wildmatch, so a `**`
        # right after it counts as being at the beginning: `foo**/bar` matches `foo/x/bar`.
        prefix, rest = (b"", pattern) if self.no_dir else (pattern[:plain], pattern[plain:])
        self.expression = re.escape(prefix) + _translate(rest, pathname=not self.no_dir)
        self._match = None if self.literal is not None else re.compile(self.expression, re.DOTALL).fullmatch

    def matches(self, relative: bytes, basename: bytes) -> bool:
        """Tell whether a path matches; ``relative`` to the folder of the ignore file."""
        text = basename if self.no_dir else relative
        return text == self.literal if self._match is None else self._match(text) is not None


def _plain_length(pattern: bytes) -> int:
    return next((i for i, byte in enumerate(pattern) if byte in _SPECIAL), len(pattern))


def _translate(pattern: bytes, *, pathname: bool) -> bytes:
    """Turn a wildmatch pattern into a regular expression; ``pathname`` is git's WM_PATHNAME."""
    any_byte = b"[^/]" if pathname else b"."
    out: list[bytes] = []
    i = 0
    while i < len(pattern):
        byte = pattern[i : i + 1]
        if byte == b"*":
            end = i
            while pattern[end : end + 1] == b"*":
                end += 1
            expression, i = _stars(pattern, i, end, pathname=pathname)
            out.append(expression)
        elif byte == b"?":
            out.append(any_byte)
            i += 1
        elif byte == b"[":
            members, i = _char_class(pattern, i + 1)
            if members is None:
                return _NEVER
            out.append(_set_of(members - {0x2F} if pathname else members))
        elif byte == b"\\":
            if i + 1 == len(pattern):
                return _NEVER
            out.append(re.escape(pattern[i + 1 : i + 2]))
            i += 2
        else:
            out.append(re.escape(byte))
            i += 1
    return b"".join(out)


def _stars(pattern: bytes, start: int, end: int, *, pathname: bool) -> tuple[bytes, int]:
    """Translate the asterisks of ``pattern[start:end]``; return the expression and where to go on."""
    if not pathname:
        return b".*", end
    at_start = start == 0 or pattern[start - 1 : start] == b"/"
    after = pattern[end : end + 2]
    if end - start > 1 and at_start and (not after or after[:1] == b"/" or after == b"\\/"):
        # `**/x` also matches `x`
        return (b"(?:.*/)?", end + 1) if after[:1] == b"/" else (b".*", end)
    return b"[^/]*", end


def _char_class(pattern: bytes, i: int) -> tuple[set[int] | None, int]:
    """Read a bracket expression from after its ``[``. Returns its members, or ``None`` if it can never match."""
    negated = pattern[i : i + 1] in {b"!", b"^"}
    i += negated
    members: set[int] = set()
    low, first = 0, True  # low: where a range would begin
    while first or pattern[i : i + 1] != b"]":
        first = False
        named, after = _named_class(pattern, i)
        if named is not None:
            members |= named
            low, i = 0, after
            continue
        is_range = pattern[i : i + 1] == b"-" and low and pattern[i + 1 : i + 2] not in {b"", b"]"}
        i += bool(is_range)
        i += pattern[i : i + 1] == b"\\"
        if i >= len(pattern) or after < 0:
            return None, i
        members.update(range(low if is_range else pattern[i], pattern[i] + 1))
        low = 0 if is_range else pattern[i]
        i += 1
    return (set(range(1, 256)) - members if negated else members), i + 1


def _named_class(pattern: bytes, i: int) -> tuple[set[int] | None, int]:
    """Read a ``[:alpha:]`` at ``i``: its members and where it ends. ``None`` for another thing, with -1 if that is an error."""
    if pattern[i : i + 2] != b"[:":
        return None, i
    close = pattern.find(b"]", i + 2)
    if close == i + 2 or (close > 0 and pattern[close - 1 : close] != b":"):
        return None, i
    test = _CLASSES.get(pattern[i + 2 : close - 1]) if close > 0 else None
    return (None, -1) if test is None else ({n for n in range(1, 128) if test(chr(n))}, close + 1)


def _set_of(members: set[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % n for n in sorted(members)) + b"]" if members else _NEVER


def parse(content: bytes) -> tuple[Pattern, ...]:
    """Return the patterns of an ignore file."""
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    patterns = []
    for line in lines:
        if line and not line.startswith(b"#"):
            text = line.removesuffix(b"\r").partition(b"\0")[0]
            patterns.append(Pattern(_without_trailing_spaces(text)))
    return tuple(patterns)


def _without_trailing_spaces(line: bytes) -> bytes:
    """Drop trailing spaces, but not one that a backslash protects."""
    last_space = None
    i = 0
    while i < len(line):
        byte = line[i : i + 1]
        if byte == b" ":
            last_space = i if last_space is None else last_space
        else:
            if byte == b"\\":
                i += 1
                if i == len(line):
                    return line
            last_space = None
        i += 1
    return line if last_space is None else line[:last_space]


class _Patterns:
    """The patterns of one file, with a quick way to see that none can match a name."""

    __slots__ = ("_literals", "_maybe", "_names", "_paths")

    def __init__(self, content: bytes) -> None:
        patterns = list(enumerate(parse(content)))[::-1]  # the last that matches decides
        self._paths = [(i, p) for i, p in patterns if not p.no_dir]
        self._names = [(i, p) for i, p in patterns if p.no_dir]
        self._literals = {p.literal for _, p in self._names}
        wild = [b"(?:%b)" % p.expression for _, p in self._names if p.literal is None]
        self._maybe = re.compile(b"|".join(wild) or _NEVER, re.DOTALL).fullmatch

    def decide(self, relative: bytes, basename: bytes, *, is_dir: bool) -> bool | None:
        """Return what the last matching pattern says: ``True`` ignored, ``False`` kept, ``None`` for no match."""
        at, decision = -1, None
        if basename in self._literals or self._maybe(basename):
            for i, pattern in self._names:
                if (is_dir or not pattern.must_be_dir) and pattern.matches(relative, basename):
                    at, decision = i, not pattern.negative
                    break
        for i, pattern in self._paths:
            if i < at:
                break
            if (is_dir or not pattern.must_be_dir) and pattern.matches(relative, basename):
                return not pattern.negative
        return decision


_patterns = lru_cache(maxsize=256)(_Patterns)


class Rules:
    """What is ignored in one folder: its own patterns, then those of the folders above it.

    ``digest`` is equal for equal patterns, so that decisions can be remembered.
    """

    __slots__ = ("_base", "_content", "_parent", "_patterns", "digest")

    def __init__(self, base: bytes, content: bytes, parent: Rules | None = None) -> None:
        """Take the content of an ignore file that lies in ``base`` (relative to the walk's root, ``b""`` or ``b"a/b/"``)."""
        self._base = len(base)
        self._content = content
        self._parent = parent
        self._patterns: _Patterns | None = None
        self.digest: bytes = blake3(b"%b\0%b\0%b" % (parent.digest if parent else b"", base, content)).digest(16)

    def ignores(self, path: bytes, basename: bytes, *, is_dir: bool) -> bool:
        """Tell whether a path, whose folder is not ignored, is ignored; ``path`` is relative to the walk's root."""
        rules: Rules | None = self
        while rules is not None:
            if rules._patterns is None:  # noqa: SLF001  # its own class
                rules._patterns = _patterns(rules._content)  # noqa: SLF001  # its own class
            decision = rules._patterns.decide(path[rules._base :], basename, is_dir=is_dir)  # noqa: SLF001  # its own class
            if decision is not None:
                return decision
            rules = rules._parent  # noqa: SLF001  # its own class
        return False
