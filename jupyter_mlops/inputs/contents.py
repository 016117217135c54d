"""What a snapshot holds, counted folder by folder."""

from __future__ import annotations

from jupyter_mlops.inputs.choice import Choice
from jupyter_mlops.inputs.tree import Folder, Kind, Leaf, file_totals, human, shown


class Contents:
    """Counts the files that are stored, and remembers the few that are not."""

    def __init__(self, choice: Choice) -> None:
        """Take by which choice files are stored."""
        self.n_files = 0
        self.n_bytes = 0
        self._wanted = choice.wanted()
        self._recorded: list[tuple[int, bytes]] = []
        self._secrets: list[bytes] = []

    @property
    def n_recorded(self) -> int:
        """How many files are only recorded."""
        return len(self._recorded)

    def add(self, folder: Folder, leaves: dict[bytes, Leaf] | None = None) -> None:
        """Count a folder: what is known of it, where its leaves are not given."""
        known = folder.known
        if known is not None:
            n_files, n_bytes, is_notable = known.n_files, known.n_bytes, known.is_notable
        else:
            n_files, n_bytes, is_notable = file_totals((leaves or {}).values())
        self.n_files += n_files
        self.n_bytes += n_bytes
        if is_notable or self._wanted:
            self._look(folder.path, folder.leaves() if leaves is None else leaves)

    def _look(self, path: bytes, leaves: dict[bytes, Leaf]) -> None:
        for name, leaf in leaves.items():
            if leaf.kind == Kind.SECRET:
                self._secrets.append(path + name)
                continue
            if leaf.kind == Kind.RECORDED:
                self._recorded.append((leaf.n_bytes, path + name))
            if self._wanted:
                self._wanted.see(path + name)

    def warnings(self) -> list[str]:
        """Say what is not stored, and what was to be and is not there."""
        recorded = [
            f"{shown(path)} ({human(size)}) is recorded, not stored: it is data, not source. "
            f"To store it: --include {shown(path)}."
            for size, path in sorted(self._recorded, reverse=True)
        ]
        secrets = [
            f"{shown(path)} looks like a secret and is not stored. To store it: --include {shown(path)}."
            for path in sorted(self._secrets)
        ]
        return self._wanted.warnings() + recorded + secrets
