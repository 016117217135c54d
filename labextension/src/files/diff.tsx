/** How files differ: each unfolds into its lines. */

import '../../style/files.css';

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { FileChange } from '../api/types';
import { readDiff, tally } from './difflines';
import { DiffText } from './difftext';

/** Files that are unfolded at first. */
const FEW_FILES = 8;

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
  const [isOpen, setOpen] = useState(props.isOpen);
  const { added, removed } = useMemo(() => tally(readDiff(change.diff)), [change.diff]);
  return (
    <details open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <bdi>{change.path}</bdi>
        <span className={`jp-Mlops-diffKind jp-mod-${change.change}`}>{word}</span>
        <span className="jp-Mlops-quiet">{change.diff && `+${added} −${removed}`}</span>
      </summary>
      {isOpen && <DiffText change={change} />}
    </details>
  );
}
