"""What packages carry that nothing in an image needs: their own tests and debugging information, a fifth of the bytes."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TESTS: Final = "tests"
NCCL: Final = "nvidia-nccl-"
LINKS_NCCL: Final = ("torch", "tensorflow", "jax", "cupy", "vllm", "paddlepaddle", "mxnet")
"""How the names begin of packages that do not load without it."""
_IMPORT: Final = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+\(?[ \t]*(\w+)|import[ \t]+([\w.]+))", re.MULTILINE
)

_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_HEADER: Final = struct.Struct("<32s QQ 6x HHHHH")
"""Of an ELF file: ``e_phoff``, ``e_shoff``, ``e_phentsize``, ``e_phnum``, ``e_shentsize``, ``e_shnum``, ``e_shstrndx``."""
_SEGMENT: Final = struct.Struct("<8x Q 16x Q 16x")
"""``p_offset`` and ``p_filesz``."""
_SECTION: Final = struct.Struct("<II 16x QQ 24x")
"""``sh_name``, ``sh_type``, ``sh_offset`` and ``sh_size``."""
_NO_BITS: Final = 8
"""The type of a section that takes no place in the file."""


def without_training(lock: str, requirements: Iterable[str]) -> str:
    """Return a lock less what XGBoost trains with on several GPUs: 300 MB that it opens for nothing else.

    What is asked for by name stays, and so does everything where another package may link to it.
    """
    asked = {canonicalize_name(Requirement(text).name) for text in requirements}
    entries = {entry.partition("==")[0]: entry for entry in re.split(r"\n(?=\S)", lock.rstrip("\n"))}
    if "xgboost" not in entries or any(name.startswith(LINKS_NCCL) for name in entries):
        return lock
    kept = (entry for name, entry in entries.items() if name in asked or not name.startswith(NCCL))
    return "".join(f"{entry}\n" for entry in kept)


def drop_tests(packages: Path) -> None:
    """Remove the folders called ``tests`` inside packages, but for those that a module which is no test imports."""
    tests = {path for path in packages.glob(f"*/**/{TESTS}") if path.is_dir() and not path.is_symlink()}
    needed = {folder for source in packages.rglob("*.py") for folder in _imported_tests(source, packages)}
    for folder in tests - needed:
        shutil.rmtree(folder, ignore_errors=True)  # one may stand inside another


def _imported_tests(source: Path, packages: Path) -> set[Path]:
    """Return the folders of tests that a module imports, nothing for one that is a test itself."""
    if TESTS in source.relative_to(packages).parts:
        return set()
    text = source.read_bytes()
    if TESTS.encode() not in text:
        return set()
    found = set()
    for origin, name, plain in _IMPORT.findall(text):
        dotted = (plain or origin + (b"" if origin.endswith(b".") else b".") + name).decode()
        steps = len(dotted) - len(dotted.lstrip("."))
        at = source.parents[steps - 1] if steps else packages
        parts = dotted.lstrip(".").split(".")
        if TESTS in parts:
            found.add(at.joinpath(*parts[: parts.index(TESTS) + 1]))
    return found


def drop_debugging(packages: Path) -> None:
    """Cut the debugging information off shared libraries that carry it: of some it is nine tenths."""
    for library in packages.rglob("*.so*"):
        if library.is_file() and not library.is_symlink():
            with contextlib.suppress(struct.error):  # cut short: its own affair
                if size := _loaded_bytes(library):
                    _cut(library, size)


def _loaded_bytes(library: Path) -> int:
    """Return how many bytes of a library the loader looks at, 0 where nothing can be cut off behind them.

    `strip` moves what is left, and that broke OpenBLAS. Here what is loaded stays where it is: it comes first in the
    file, and behind it are sections that debuggers alone read, with the table that lists them.
    """
    with library.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_ELF64_LITTLE):
            return 0
        segments_at, sections_at, segment_size, n_segments, section_size, n_sections, names = _HEADER.unpack(head)[1:]
        if segment_size != _SEGMENT.size or section_size != _SECTION.size or not names < n_sections:
            return 0
        end = segments_at + n_segments * segment_size
        file.seek(segments_at)
        for offset, n_bytes in _SEGMENT.iter_unpack(file.read(n_segments * segment_size)):
            end = max(end, offset + n_bytes)
        file.seek(sections_at)
        sections = list(_SECTION.iter_unpack(file.read(n_sections * section_size)))
        file.seek(sections[names][2])
        called = file.read(sections[names][3])
    stop = max(
        [sections_at + n_sections * section_size, *(at + size for _, kind, at, size in sections if kind != _NO_BITS)]
    )
    is_all = stop == library.stat().st_size and sections_at >= end  # nothing of anybody else's behind it
    return end if is_all and b"\0.debug_info\0" in called else 0


def _cut(library: Path, size: int) -> None:
    """Shorten a library, which may be a hard link into uv's cache, and take the table of its sections from its head."""
    with library.open("rb") as file:
        content = bytearray(file.read(size))
    content[40:48] = bytes(8)  # e_shoff
    content[60:64] = bytes(4)  # e_shnum, e_shstrndx
    part = library.with_name(f".{library.name}.part")
    part.write_bytes(content)
    part.chmod(library.stat().st_mode)
    part.replace(library)
