/** The runs of the comparison: the legend of all its charts, and where runs are left out. */

import { useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { AbsentRun } from '../api/types';
import { StatusIcon } from '../common/icons';
import { LinkButton } from '../common/ui/link';
import type { Compared } from './compared';

export interface BarProps {
  readonly compared: Compared;
  readonly absent: readonly AbsentRun[];
  readonly onRemove: (id: string) => void;
  readonly onRestore: ((id: string) => void) | null;
}

/** Letters of a name that are drawn: what is longer is cut by its box long before. */
const MOST = 200;
const MOST_SAID = 1000;
/** Runs that are drawn at first and with each further click: ten thousand of them took the page seconds. */
const PART = 200;

export function RunsBar({ compared, absent, onRemove, onRestore }: BarProps): JSX.Element {
  const trans = useTrans();
  const { runs, base, labelOf, colorOf, hot, setHot, openRun } = compared;
  const [nShown, setShown] = useState(PART);
  const nMore = Math.max(0, runs.length - nShown);
  return (
    <ul className="jp-Mlops-compareRuns" aria-label={trans.__('Runs compared')}>
      {runs.slice(0, nShown).map(run => {
        const label = labelOf(run.id).slice(0, MOST);
        return (
          // Pointing is for the eye alone: the button does the same when it has the focus.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
          <li
            key={run.id}
            className={`jp-Mlops-compareRun${run.id === hot ? ' jp-mod-hot' : ''}`}
            onMouseEnter={() => setHot(run.id)}
            onMouseLeave={() => setHot(null)}
          >
            <span className="jp-Mlops-swatch" style={{ background: colorOf(run.id) }} />
            <button
              type="button"
              className="jp-Mlops-compareName"
              title={trans.__('Open %1 (%2)', label, run.id.slice(0, 8))}
              onClick={() => openRun(run.id)}
              onFocus={() => setHot(run.id)}
              onBlur={() => setHot(null)}
            >
              <bdi>{label}</bdi>
            </button>
            {run.status === 'RUNNING' && <StatusIcon tone="busy" title={trans.__('running')} />}
            {run.id === base && <span className="jp-Mlops-chip">{trans.__('base')}</span>}
            {run.deleted && <Deleted id={run.id} label={label} onRestore={onRestore} />}
            <Remove label={label} onRemove={() => onRemove(run.id)} />
          </li>
        );
      })}
      {nMore > 0 && (
        <li>
          <LinkButton onClick={() => setShown(nShown + PART)}>
            {trans.__('and %1 more', nMore.toLocaleString())}
          </LinkButton>
        </li>
      )}
      {absent.map(one => (
        <li key={one.ref} className="jp-Mlops-compareRun jp-mod-absent">
          <StatusIcon tone="warn" title={trans.__('not there')} />
          <span title={`${one.message} ${one.hint}`.slice(0, MOST_SAID)}>
            <bdi>{one.message.slice(0, MOST)}</bdi>
          </span>
          <Remove label={one.ref.slice(0, MOST)} onRemove={() => onRemove(one.ref)} />
        </li>
      ))}
    </ul>
  );
}

function Deleted(props: {
  readonly id: string;
  readonly label: string;
  readonly onRestore: BarProps['onRestore'];
}): JSX.Element {
  const trans = useTrans();
  const { id, label, onRestore } = props;
  return (
    <>
      <span className="jp-Mlops-chip jp-mod-warn">{trans.__('deleted')}</span>
      {onRestore && (
        <LinkButton label={trans.__('Restore %1', label)} onClick={() => onRestore(id)}>
          {trans.__('Restore')}
        </LinkButton>
      )}
    </>
  );
}

function Remove(props: { readonly label: string; readonly onRemove: () => void }): JSX.Element {
  const trans = useTrans();
  const says = trans.__('Leave %1 out', props.label);
  return (
    <button
      type="button"
      className="jp-Mlops-compareRemove"
      aria-label={says}
      title={says}
      onClick={props.onRemove}
    >
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        <path d="M4 4 12 12M12 4 4 12" fill="none" stroke="currentColor" strokeWidth="1.6" />
      </svg>
    </button>
  );
}
