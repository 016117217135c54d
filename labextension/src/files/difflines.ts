/** A unified diff as lines with their numbers on both sides. */

export interface DiffLine {
  readonly kind: 'added' | 'removed' | 'same' | 'place';
  readonly text: string;
  /** The line's number before and after; null where it is not there. */
  readonly before: number | null;
  readonly after: number | null;
}

const PLACE = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Read a unified diff; names of the files are left out, what is no diff at all is shown as it is. */
export function readDiff(text: string): readonly DiffLine[] {
  const lines: DiffLine[] = [];
  let before: number | null = null;
  let after: number | null = null;
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const place = PLACE.exec(line);
    if (place) {
      before = Number(place[1]);
      after = Number(place[2]);
      lines.push({ kind: 'place', text: line, before: null, after: null });
    } else if (before === null || after === null) {
      // Above the first place stand the names; a notebook's diff has a title for each cell there, too.
      if (!line.startsWith('--- ') && !line.startsWith('+++ ')) {
        lines.push({ kind: 'place', text: line, before: null, after: null });
      }
    } else if (line.startsWith('+')) {
      lines.push({ kind: 'added', text: line.slice(1), before: null, after: after++ });
    } else if (line.startsWith('-')) {
      lines.push({ kind: 'removed', text: line.slice(1), before: before++, after: null });
    } else if (line.startsWith(' ')) {
      lines.push({ kind: 'same', text: line.slice(1), before: before++, after: after++ });
    } else {
      lines.push({ kind: 'place', text: line, before: null, after: null });
    }
  }
  return lines;
}

/** How many lines were added and removed. */
export function tally(lines: readonly DiffLine[]): { readonly added: number; readonly removed: number } {
  return {
    added: lines.filter(line => line.kind === 'added').length,
    removed: lines.filter(line => line.kind === 'removed').length
  };
}
