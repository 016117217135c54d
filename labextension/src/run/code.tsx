/** The source that a run started from: its files as they were, and how they differ from others. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import type { RunDetail, SnapshotFile } from '../api/types';
import { Button } from '../common/ui/button';
import { Busy, Empty, Failed } from '../common/ui/states';
import { Diff } from '../files/diff';
import { fetched } from '../files/drive';
import { KeptFile } from '../files/kept';
import { kindOf } from '../files/kinds';
import { openReadOnly } from '../files/open';
import { drivePath } from '../files/paths';
import { isShown } from '../files/preview';
import { FileTree } from '../files/tree';
import { OtherRun } from './other';
import { useArtifact, useChanges, useSnapshot } from './queries';

const CELL = 'source/cell.py';
const DIRTY = 'source/dirty.diff';

type Part = 'files' | 'cell' | 'changes' | 'dirty';

export function Code({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const has = (path: string): boolean => detail.artifacts.some(one => one.path === path);
  const parts: readonly (readonly [Part, string, boolean])[] = [
    ['files', trans.__('Files'), detail.snapshot !== ''],
    ['cell', trans.__('Cell'), has(CELL)],
    ['changes', trans.__('Compare'), true],
    ['dirty', trans.__('Not committed'), has(DIRTY)]
  ];
  const there = parts.filter(([, , isThere]) => isThere);
  const [asked, setPart] = useState<Part>('files');
  const part = there.some(([id]) => id === asked) ? asked : (there[0]?.[0] ?? 'changes');
  return (
    <div className="jp-Mlops-runCode">
      <div className="jp-Mlops-runControls" role="group" aria-label={trans.__('What of the code')}>
        {there.map(([id, label]) => (
          <Button key={id} pressed={id === part} onClick={() => setPart(id)}>
            {label}
          </Button>
        ))}
      </div>
      {part === 'files' && <Files snapshot={detail.snapshot} />}
      {part === 'cell' && <Stored run={detail.run.id} path={CELL} />}
      {part === 'dirty' && <Stored run={detail.run.id} path={DIRTY} />}
      {part === 'changes' && <Changes detail={detail} />}
    </div>
  );
}

function Files({ snapshot }: { readonly snapshot: string }): JSX.Element {
  const trans = useTrans();
  const { data, error } = useSnapshot(snapshot);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the snapshot')} />;
  }
  return <SnapshotFiles snapshot={data.snapshot.name} files={data.files} />;
}

function SnapshotFiles(props: {
  readonly snapshot: string;
  readonly files: readonly SnapshotFile[];
}): JSX.Element {
  const { snapshot, files } = props;
  const trans = useTrans();
  const { lab, client } = useSession();
  const entries = useMemo(() => {
    const notes = {
      file: '',
      folder: trans.__('empty folder'),
      recorded: trans.__('not stored'),
      secret: trans.__('secret')
    };
    return files.map(file => ({
      path: file.path,
      nBytes: file.n_bytes,
      note: file.kind === 'link' ? `→ ${file.target}` : notes[file.kind]
    }));
  }, [files, trans]);
  const [chosen, setChosen] = useState('');
  const file = files.find(one => one.path === chosen);
  const isStored = file?.kind === 'file';
  const kept = { of: 'snapshots', ref: snapshot, path: chosen } as const;
  const { data, error } = useLive({
    key: ['snapshot-file', snapshot, chosen], // no topic: it does not change
    fn: () => fetched(client, kept),
    enabled: isStored && isShown(kindOf(chosen), file.n_bytes)
  });
  return (
    <div className="jp-Mlops-twoPanes">
      <FileTree
        files={entries}
        label={trans.__('Files of the snapshot')}
        chosen={chosen}
        onChoose={setChosen}
        onOpen={path => openReadOnly(lab, drivePath({ ...kept, path }))}
      />
      {!file ? (
        <Empty title={trans.__('The source, as it was when the run started')}>
          {trans.__('Choose a file to look at it; a double click opens it read-only in a tab.')}
        </Empty>
      ) : !isStored ? (
        <Empty title={chosen}>{entries.find(one => one.path === chosen)?.note}</Empty>
      ) : (
        <KeptFile kept={kept} nBytes={file.n_bytes} blob={data} error={error} />
      )}
    </div>
  );
}

/** A text among what the run stored. */
function Stored({ run, path }: { readonly run: string; readonly path: string }): JSX.Element {
  const { data, error } = useArtifact(run, path);
  return (
    <KeptFile kept={{ of: 'runs', ref: run, path }} nBytes={data?.size ?? 0} blob={data} error={error} />
  );
}

function Changes({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const { run, snapshot } = detail;
  // The folder as it is now; another run by its id; nothing chosen yet.
  const [other, setOther] = useState<string | null>(snapshot ? null : '');
  const { data, error, isFetching, refetch } = useChanges(run.id, snapshot, other, other !== '');
  return (
    <>
      <div className="jp-Mlops-runControls">
        <OtherRun
          run={run}
          label={trans.__('Compare with')}
          none={snapshot ? null : trans.__('choose a run')}
          now={snapshot ? trans.__('the folder as it is now') : null}
          chosen={other}
          onChoose={setOther}
        />
        {other === null && (
          <Button busy={isFetching} onClick={() => void refetch()}>
            {trans.__('Look again')}
          </Button>
        )}
      </div>
      {data?.notes.map(note => (
        <div key={note} className="jp-Mlops-notice">
          {note}
        </div>
      ))}
      {data ? (
        data.changes.length ? (
          <Diff changes={data.changes} />
        ) : (
          <Empty title={trans.__('No file differs.')} />
        )
      ) : error ? (
        <Failed error={error} />
      ) : other === '' ? (
        <Empty title={trans.__('Choose a run to compare with.')} />
      ) : (
        <Busy label={trans.__('Comparing')} />
      )}
    </>
  );
}
