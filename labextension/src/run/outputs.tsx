/** The files that a run stored, each shown in place. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useSession, useTrans } from '../api/context';
import type { RunDetail } from '../api/types';
import { Empty } from '../common/ui/states';
import { KeptFile } from '../files/kept';
import { kindOf } from '../files/kinds';
import { openReadOnly } from '../files/open';
import { drivePath } from '../files/paths';
import { isShown } from '../files/preview';
import { FileTree } from '../files/tree';
import { useArtifact } from './queries';

/** What a person looks at first: a report, a picture, a table; not what we keep for ourselves. */
const FIRST = [
  /^figures\//,
  /\.html?$/,
  /^displays\//,
  /^tables\//,
  /^outputs\//,
  /\.(png|svg|jpe?g)$/,
  /\.md$/
];

export function Outputs({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const { lab } = useSession();
  const { run, artifacts } = detail;
  const files = useMemo(() => artifacts.map(one => ({ path: one.path, nBytes: one.n_bytes })), [artifacts]);
  const [asked, setAsked] = useState('');
  const chosen = files.some(file => file.path === asked) ? asked : firstOf(files.map(file => file.path));
  const file = files.find(one => one.path === chosen);
  const shown = file !== undefined && isShown(kindOf(chosen), file.nBytes);
  const { data, error } = useArtifact(run.id, chosen, shown);
  const kept = { of: 'runs', ref: run.id, path: chosen } as const;
  if (!file) {
    return (
      <Empty title={trans.__('It stored no files')}>
        {trans.__('What a run writes into the folder %1 is kept, and what it logs:', 'outputs/')}{' '}
        <code>ml.log_figure(figure, &quot;roc.png&quot;)</code>
      </Empty>
    );
  }
  return (
    <div className="jp-Mlops-twoPanes">
      <FileTree
        files={files}
        label={trans.__('Files of the run')}
        chosen={chosen}
        onChoose={setAsked}
        onOpen={path => openReadOnly(lab, drivePath({ ...kept, path }))}
      />
      <KeptFile kept={kept} nBytes={file.nBytes} blob={data} error={error} />
    </div>
  );
}

function firstOf(paths: readonly string[]): string {
  for (const pattern of FIRST) {
    const found = paths.find(path => pattern.test(path));
    if (found !== undefined) {
      return found;
    }
  }
  return paths[0] ?? '';
}
