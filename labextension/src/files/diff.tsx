/** How files differ, as unified text with what was taken away and added in colour. */

import '../../style/files.css';

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { FileChange } from '../api/types';
import { Button } from '../common/ui/button';

/** Files that are unfolded at first, and lines that a file shows at first. */
const FEW_FILES = 8;
const MOST_LINES = 1500;

export function Diff({ changes }: { readonly changes: readonly FileChange[] }): JSX.Element {
  const trans = useTrans();
  const words = {
    added: trans.__('added'),
    removed: trans.__('removed'),
    changed: trans.__('changed')
  };
  return (
    <div className="jp-Mlops-diff">
      <p className="jp-Mlops-quiet" role="status">
        {trans._n('%1 file differs.', '%1 files differ.', changes.length)}
      </p>
      {changes.map((change, i) => (
        <FileDiff key={change.path} change={change} word={words[change.change]} isOpen={i < FEW_FILES} />
      ))}
    </div>
  );
}

function FileDiff(props: {
  readonly change: FileChange;
  readonly word: string;
  readonly isOpen: boolean;
}): JSX.Element {
  const { change, word } = props;
  const trans = useTrans();
  const [isOpen, setOpen] = useState(props.isOpen);
  const [isWhole, setWhole] = useState(false);
  const lines = useMemo(() => diffLines(change.diff), [change.diff]);
  const [nAdded, nRemoved] = [
    lines.filter(([kind]) => kind === 'add'),
    lines.filter(([kind]) => kind === 'remove')
  ].map(some => some.length);
  return (
    <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <bdi>{change.path}</bdi>
        <span className={`jp-Mlops-diffKind jp-mod-${change.change}`}>{word}</span>
        <span className="jp-Mlops-quiet">
          {lines.length > 0 && `+${nAdded} −${nRemoved}`} {change.note}
        </span>
      </summary>
      {isOpen && lines.length > 0 && (
        <pre className="jp-Mlops-diffText">
          {lines.slice(0, isWhole ? lines.length : MOST_LINES).map(([kind, text], i) => (
            <span key={i} className={`jp-mod-${kind}`}>
              {text}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
      {isOpen && !isWhole && lines.length > MOST_LINES && (
        <Button onClick={() => setWhole(true)}>{trans.__('Show all %1 lines', lines.length)}</Button>
      )}
    </details>
  );
}

export type LineKind = 'add' | 'remove' | 'place' | 'same';

/** Return the lines of a unified diff and what each is; the two that name the files are left out. */
export function diffLines(diff: string): readonly (readonly [LineKind, string])[] {
  if (!diff) {
    return [];
  }
  const lines = diff.replace(/\n$/, '').split('\n');
  const begin = lines.findIndex(line => line.startsWith('@@'));
  return lines.slice(Math.max(0, begin)).map(line => [kindOfLine(line), line] as const);
}

function kindOfLine(line: string): LineKind {
  switch (line[0]) {
    case '+':
      return 'add';
    case '-':
      return 'remove';
    case '@':
      return 'place';
    default:
      return 'same';
  }
}
