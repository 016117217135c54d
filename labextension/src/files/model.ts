/** Paths as a tree of folders and files. */

export interface FileEntry {
  readonly path: string;
  readonly nBytes: number;
  /** What is to be said of it beside its name: that it is not stored, how it changed. */
  readonly note?: string;
}

export interface FileRow {
  readonly path: string;
  readonly name: string;
  readonly level: number;
  /** A folder's, whether its content is shown; null for a file. */
  readonly isOpen: boolean | null;
  readonly nBytes: number;
  readonly note: string;
}

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: FileEntry[];
}

const MOST_OPEN = 40;

function treeOf(files: readonly FileEntry[]): Folder {
  const top: Folder = { folders: new Map(), files: [] };
  for (const file of files) {
    const parts = file.path.split('/');
    let at = top;
    for (const part of parts.slice(0, -1)) {
      let below = at.folders.get(part);
      if (!below) {
        below = { folders: new Map(), files: [] };
        at.folders.set(part, below);
      }
      at = below;
    }
    at.files.push(file);
  }
  return top;
}

/** Return the folders that are open at first: all of a small tree, none of a large one. */
export function openAtFirst(files: readonly FileEntry[]): ReadonlySet<string> {
  const open = new Set<string>();
  if (files.length <= MOST_OPEN) {
    for (const { path } of files) {
      const parts = path.split('/').slice(0, -1);
      parts.forEach((_, i) => open.add(parts.slice(0, i + 1).join('/')));
    }
  }
  return open;
}

/** Return the rows that are seen: folders first, each by name. A search shows the files that have it in their path, flat. */
export function rowsOf(
  files: readonly FileEntry[],
  open: ReadonlySet<string>,
  search: string
): readonly FileRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) {
    return files
      .filter(file => words.every(word => file.path.toLowerCase().includes(word)))
      .map(file => ({ ...rowOf(file, 1), name: file.path }));
  }
  const rows: FileRow[] = [];
  const order = new Intl.Collator(undefined, { numeric: true });
  const walk = (folder: Folder, base: string, level: number): void => {
    for (const [name, below] of [...folder.folders].sort(([a], [b]) => order.compare(a, b))) {
      const path = base + name;
      const isOpen = open.has(path);
      rows.push({ path, name, level, isOpen, nBytes: 0, note: '' });
      if (isOpen) {
        walk(below, `${path}/`, level + 1);
      }
    }
    const sorted = [...folder.files].sort((a, b) => order.compare(a.path, b.path));
    rows.push(...sorted.map(file => rowOf(file, level)));
  };
  walk(treeOf(files), '', 1);
  return rows;
}

function rowOf(file: FileEntry, level: number): FileRow {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  return { path: file.path, name, level, isOpen: null, nBytes: file.nBytes, note: file.note ?? '' };
}

/** Return the row that a key leads to, and the folder that it opens or closes. */
export function keyed(
  key: string,
  rows: readonly FileRow[],
  at: number
): { readonly to?: number; readonly toggle?: string } | null {
  const row = rows[at];
  switch (key) {
    case 'ArrowDown':
      return { to: Math.min(rows.length - 1, at + 1) };
    case 'ArrowUp':
      return { to: Math.max(0, at - 1) };
    case 'Home':
      return { to: 0 };
    case 'End':
      return { to: rows.length - 1 };
    case 'ArrowRight':
      return row?.isOpen === false
        ? { toggle: row.path }
        : row?.isOpen
          ? { to: Math.min(rows.length - 1, at + 1) }
          : {};
    case 'ArrowLeft':
      return row?.isOpen ? { toggle: row.path } : { to: parentOf(rows, at) };
    default:
      return null;
  }
}

function parentOf(rows: readonly FileRow[], at: number): number {
  const level = rows[at]?.level ?? 1;
  for (let i = at - 1; i >= 0; i--) {
    if ((rows[i]?.level ?? 0) < level) {
      return i;
    }
  }
  return at;
}

/** Return the next row whose name begins with what is typed; one letter typed again leads from one such row to the next. */
export function typedTo(rows: readonly FileRow[], at: number, typed: string): number {
  const isOne = new Set(typed).size === 1;
  const wanted = (isOne ? typed.slice(0, 1) : typed).toLowerCase();
  const order = rows.map((_, i) => (at + i + Number(isOne)) % rows.length);
  return order.find(i => rows[i]?.name.toLowerCase().startsWith(wanted)) ?? at;
}
