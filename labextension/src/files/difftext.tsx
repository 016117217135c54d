/** How one file differs: lines with their numbers, coloured, and marked for those who do not see the colours. */

import '../../style/files.css';

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { FileChange } from '../api/types';
import { Button } from '../common/ui/button';
import { Empty } from '../common/ui/states';
import { readDiff } from './difflines';
import type { DiffLine } from './difflines';

/** Lines that are drawn at first, and more at a time. */
const PORTION = 1000;
const MOST_LETTERS = 2000;
const MARKS: Readonly<Record<DiffLine['kind'], string>> = { added: '+', removed: '−', same: ' ', place: '' };

export function DiffText({ change }: { readonly change: FileChange }): JSX.Element {
  const trans = useTrans();
  const lines = useMemo(() => (change.diff ? readDiff(change.diff) : []), [change.diff]);
  const [shown, setShown] = useState(PORTION);
  const path = change.path.slice(-300);
  return (
    <section className="jp-Mlops-fileDiff" aria-label={trans.__('Changes of %1', path)}>
      {change.note && <p className="jp-Mlops-quiet">{change.note}</p>}
      {lines.length ? (
        <div
          className="jp-Mlops-diffLines"
          role="region"
          aria-label={trans.__('Lines of %1', path)}
          // Code is wider than its box: it must be scrolled by keyboard, too.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
        >
          <table>
            <tbody>
              {lines.slice(0, shown).map((line, index) => (
                <Line key={index} line={line} />
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        !change.note && <Empty title={trans.__('The file is empty on both sides.')} />
      )}
      {lines.length > shown && (
        <Button onClick={() => setShown(shown + 10 * PORTION)}>
          {trans._n('Show %1 more line', 'Show %1 more lines', lines.length - shown)}
        </Button>
      )}
    </section>
  );
}

function Line({ line }: { readonly line: DiffLine }): JSX.Element {
  return (
    <tr className={`jp-mod-${line.kind}`}>
      <td className="jp-Mlops-lineNumber">{line.before ?? ''}</td>
      <td className="jp-Mlops-lineNumber">{line.after ?? ''}</td>
      <td className="jp-Mlops-lineMark">{MARKS[line.kind]}</td>
      <td className="jp-Mlops-lineText">
        <code>{line.text.slice(0, MOST_LETTERS)}</code>
      </td>
    </tr>
  );
}
