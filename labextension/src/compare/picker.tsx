/** Finds runs to add, by words of their names or by their ids, newest first. */

import { useDeferredValue, useRef, useState } from 'react';
import type { JSX, KeyboardEvent } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useNow } from '../common/clock';
import { age } from '../common/format';
import { Failed } from '../common/ui/states';

const SHOWN = 50;
const MOST_LETTERS = 200;

export function RunPicker(props: {
  /** Those that are compared already. */
  readonly taken: ReadonlySet<string>;
  readonly onPick: (id: string) => void;
}): JSX.Element {
  const { taken, onPick } = props;
  const { client } = useSession();
  const trans = useTrans();
  const box = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState('');
  const words = useDeferredValue(typed.trim());
  const { data, error } = useLive({
    key: ['runs', 'picker', words],
    fn: signal => client.get('/runs', { query: { words, limit: SHOWN }, signal }),
    keep: true
  });
  const found = (data?.items ?? []).filter(run => !taken.has(run.id));
  return (
    // The arrows walk from the box to what is found.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div className="jp-Mlops-picker" onKeyDown={walk}>
      <input
        ref={box}
        type="search"
        className="jp-Mlops-compareInput"
        placeholder={trans.__('Name, experiment or id')}
        aria-label={trans.__('Search for runs to add')}
        value={typed}
        onChange={event => setTyped(event.target.value)}
        onKeyDown={event => {
          const [first] = found;
          if (event.key === 'Enter' && first) {
            onPick(first.id);
          }
        }}
      />
      {error && <Failed error={error} />}
      <ul className="jp-Mlops-pickerList" aria-label={trans.__('Runs found')}>
        {found.map(run => (
          <li key={run.id}>
            <Choice
              run={run}
              onPick={id => {
                onPick(id);
                box.current?.focus(); // what was clicked goes away, and the focus with it
              }}
            />
          </li>
        ))}
      </ul>
      {data && !found.length && <p className="jp-Mlops-compareQuiet">{trans.__('No other run is found.')}</p>}
      {data?.next && (
        <p className="jp-Mlops-compareQuiet">
          {trans.__('There are more: type some of the name to find them.')}
        </p>
      )}
    </div>
  );
}

function Choice({ run, onPick }: { readonly run: Run; readonly onPick: (id: string) => void }): JSX.Element {
  const now = useNow();
  return (
    <button type="button" onClick={() => onPick(run.id)}>
      <bdi className="jp-Mlops-pickerName">{run.name.slice(0, MOST_LETTERS)}</bdi>
      <span className="jp-Mlops-compareQuiet">
        <bdi>{run.experiment.slice(0, MOST_LETTERS)}</bdi> · {age(run.started_at, now)} · {run.id.slice(0, 8)}
      </span>
    </button>
  );
}

/** Up and down walk through what is found, from the search box on. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) {
    return;
  }
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, button')];
  const next = stops[stops.indexOf(document.activeElement as HTMLElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}
