/** Which runs executed the same source, and how that differs from the base's: files, then the lines of one. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import type { FileChange } from '../api/types';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import { readDiff, tally } from '../files/difflines';
import { DiffText } from '../files/difftext';
import type { Marked } from './compared';
import { grouped, useCode } from './queries';
import type { Group } from './queries';

const MOST_NAMED = 4;
const MOST_SAID = 20;
const MOST_LETTERS = 80;

export function Code({ compared }: { readonly compared: Marked }): JSX.Element {
  const trans = useTrans();
  const [picked, setPicked] = useState<string | null>(null);
  const { runs, base } = compared;
  const ids = useMemo(() => runs.map(run => run.id), [runs]);
  const { values, isLoading, error } = useCode(ids);
  if (isLoading) {
    return <Busy label={trans.__('Reading the code')} />;
  }
  const versions = grouped(ids, values, base);
  const [mine, ...others] = versions;
  if (!mine) {
    return error ? <Failed error={error} /> : <Empty title={trans.__('There is no code to compare.')} />;
  }
  if (!others.length) {
    const none = !mine.value.snapshot && !mine.value.has_cell;
    return (
      <Empty
        title={none ? trans.__('These runs recorded no code.') : trans.__('All runs executed the same code.')}
      >
        {none && trans.__('Runs of cells, scripts and notebooks keep a snapshot unless told not to.')}
      </Empty>
    );
  }
  const chosen = others.find(version => version.runs.includes(picked ?? '')) ?? others[0];
  const run = chosen?.runs.find(id => id === picked) ?? chosen?.runs[0] ?? '';
  return (
    <div className="jp-Mlops-compareTab jp-mod-fill">
      <Stale error={error} />
      <div
        className="jp-Mlops-compareVersions"
        role="radiogroup"
        aria-label={trans.__('Version of the code to compare with the base')}
      >
        <span className="jp-Mlops-compareQuiet">{trans.__('Base:')}</span>
        <Runs group={mine} compared={compared} />
        <span className="jp-Mlops-compareQuiet">{trans.__('compared with:')}</span>
        {others.map(version => (
          <button
            key={version.id}
            type="button"
            role="radio"
            aria-checked={version === chosen}
            className="jp-Mlops-compareVersion"
            onClick={() => setPicked(version.runs[0] ?? null)}
          >
            <Runs group={version} compared={compared} />
          </button>
        ))}
      </div>
      <Changes key={`${base} ${run}`} base={base} run={run} />
    </div>
  );
}

/** The runs of a group by name, the first few of them. */
export function Runs<T>(props: {
  readonly group: Group<T>;
  readonly compared: Marked;
  readonly most?: number;
}): JSX.Element {
  const { group, compared, most = MOST_NAMED } = props;
  const trans = useTrans();
  const nMore = group.runs.length - most;
  return (
    <span
      className="jp-Mlops-versionRuns"
      title={group.runs
        .slice(0, MOST_SAID)
        .map(id => compared.labelOf(id).slice(0, MOST_LETTERS))
        .join(', ')}
    >
      {group.runs.slice(0, most).map(id => (
        <span key={id} className="jp-Mlops-versionRun">
          {compared.colorOf && (
            <span className="jp-Mlops-swatch" style={{ background: compared.colorOf(id) }} />
          )}
          <bdi>{compared.labelOf(id).slice(0, MOST_LETTERS)}</bdi>
        </span>
      ))}
      {nMore > 0 && <span className="jp-Mlops-compareQuiet">{trans.__('and %1 more', nMore)}</span>}
    </span>
  );
}

function Changes({ base, run }: { readonly base: string; readonly run: string }): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const [picked, setPicked] = useState<string | null>(null);
  const { data, error } = useLive({
    key: ['run', run, 'compared', 'diff', base],
    fn: signal => client.get('/comparison/code/diff', { query: { base, run }, signal })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Comparing the code')} />;
  }
  const chosen = data.changes.find(change => change.path === picked) ?? data.changes[0];
  return (
    <>
      {data.notes.map(note => (
        <p key={note} className="jp-Mlops-notice">
          {note}
        </p>
      ))}
      {chosen ? (
        <div className="jp-Mlops-changes">
          <ul className="jp-Mlops-changedFiles" aria-label={trans.__('Files that differ')}>
            {data.changes.map(change => (
              <li key={change.path}>
                <ChangedFile
                  change={change}
                  chosen={change === chosen}
                  onPick={() => setPicked(change.path)}
                />
              </li>
            ))}
          </ul>
          <DiffText key={chosen.path} change={chosen} />
        </div>
      ) : (
        <Empty title={trans.__('The code that was kept is the same.')} />
      )}
    </>
  );
}

function ChangedFile(props: {
  readonly change: FileChange;
  readonly chosen: boolean;
  readonly onPick: () => void;
}): JSX.Element {
  const { change, chosen, onPick } = props;
  const trans = useTrans();
  const { added, removed } = useMemo(() => tally(readDiff(change.diff)), [change.diff]);
  const words = { added: trans.__('added'), removed: trans.__('removed'), changed: trans.__('changed') };
  return (
    <button type="button" aria-current={chosen} onClick={onPick} title={change.path.slice(0, 1000)}>
      <span className={`jp-Mlops-changeKind jp-mod-${change.change}`} title={words[change.change]}>
        {{ added: '+', removed: '−', changed: '~' }[change.change]}
      </span>
      <bdi className="jp-Mlops-pickerName">{change.path.slice(-300)}</bdi>
      {added > 0 && <span className="jp-Mlops-change jp-mod-good">+{added}</span>}
      {removed > 0 && <span className="jp-Mlops-change jp-mod-bad">−{removed}</span>}
    </button>
  );
}
