/** Chooses another run to compare with: the parent, then the newest of the experiment. */

import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useNow } from '../common/clock';
import { age } from '../common/format';

const MOST = 100;

export function OtherRun(props: {
  readonly run: Run;
  readonly label: string;
  /** What stands for none chosen; null where there must be one. */
  readonly none: string | null;
  /** What stands for how things are now instead of a run; null where that cannot be. */
  readonly now: string | null;
  /** A run's id, null for `now`, empty for nothing yet. */
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
}): JSX.Element {
  const { run, label, none, now, chosen, onChoose } = props;
  const trans = useTrans();
  const clock = useNow();
  const { client } = useSession();
  const { data: runs = [] } = useLive({
    key: ['runs', 'of', run.experiment, MOST],
    fn: () => client.runs({ experiment: run.experiment, limit: MOST })
  });
  const others = runs.filter(one => one.id !== run.id);
  return (
    <label className="jp-Mlops-otherRun">
      {label}
      <select
        className="jp-mod-styled"
        value={chosen ?? 'now'}
        onChange={event => onChoose(event.target.value === 'now' ? null : event.target.value)}
      >
        {none !== null && <option value="">{none}</option>}
        {now !== null && <option value="now">{now}</option>}
        {run.parent !== null && !others.some(one => one.id === run.parent) && (
          <option value={run.parent}>{trans.__('its parent, %1', run.parent.slice(0, 8))}</option>
        )}
        {others.map(one => (
          <option key={one.id} value={one.id}>
            {`${one.name.slice(0, 80)} (${age(one.started_at, clock)}, ${one.id.slice(0, 8)})`}
          </option>
        ))}
      </select>
    </label>
  );
}
