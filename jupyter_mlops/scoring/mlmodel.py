"""MLmodel files, read without a YAML library: the settings of one flavor."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.core.errors import BadInput

Settings = dict[str, "str | list[str] | None"]


class BadModelFile(BadInput):
    """A model's own description cannot be read."""

    code = "bad-model-file"


def read_flavor(file: Path, flavor: str) -> Settings | None:
    """Return the settings of ``flavor`` in an MLmodel file, ``None`` when it has no such flavor.

    An image holds no YAML library, and MLflow writes these settings as ``key: scalar`` or as lists of
    scalars, by indentation alone: that much is read here. Raises ``BadModelFile``.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadModelFile(
            f"The model description {file.name} in {file.parent.name!r} cannot be read: {error}.",
            hint="Register the model again.",
        ) from error
    section = _inside(_inside(lines, "flavors"), flavor)
    return None if section is None else _settings(section)


def _inside(lines: list[str] | None, key: str) -> list[str] | None:
    """Return the lines of a block mapping's entry, without their indentation."""
    if lines is None:
        return None
    found: list[str] | None = None
    for line in lines:
        if not line.strip():
            continue
        if found is not None:
            if not line.startswith((" ", "- ")):
                break
            found.append(line)
        elif line.rstrip() == f"{key}:":
            found = []
    if not found:
        return found
    depth = min(len(line) - len(line.lstrip()) for line in found)
    return [line[depth:] for line in found]


def _settings(lines: list[str]) -> Settings:
    settings: Settings = {}
    last = ""
    for line in lines:
        if line.lstrip().startswith("- "):
            held = settings.get(last)
            item = _scalar(line.lstrip()[2:]) or ""
            settings[last] = [*held, item] if isinstance(held, list) else [item]
        elif not line.startswith(" "):
            last, _, value = line.partition(":")
            settings[last] = _scalar(value)
    return settings


def _scalar(text: str) -> str | None:
    text = text.strip()
    if text[:1] == text[-1:] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == text[-1:] == '"':
        return text[1:-1]
    return None if text in {"", "null", "~"} else text
