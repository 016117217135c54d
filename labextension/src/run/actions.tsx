/** The buttons of a run: each runs a command. */

import { useState } from 'react';
import type { JSX } from 'react';

import { useCan, useSession, useTrans } from '../api/context';
import type { RunDetail } from '../api/types';
import { CommandIDs } from '../commands';
import { Button } from '../common/ui/button';
import { refusals, versionsOf } from './model';
import { useModels } from './queries';

export function Actions({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const canWrite = useCan('write');
  const { data: models = [] } = useModels();
  const [busy, setBusy] = useState<string | null>(null);
  const { run, snapshot } = detail;
  const versions = versionsOf(models, run.id);
  const refused = refusals(detail, versions, canWrite, trans);
  const opened = { kind: 'run', subject: run.id } as const;
  const newest = versions[0];

  // Commands say themselves what went wrong.
  const during = (id: string, what: () => Promise<unknown>) => (): void => {
    setBusy(id);
    void what()
      .catch(() => undefined)
      .finally(() => setBusy(null));
  };
  const verbs = [
    ['cancel', trans.__('Cancel'), refused.cancel, () => session.run(CommandIDs.cancelRun, { run: run.id })],
    [
      'reproduce',
      trans.__('Reproduce'),
      refused.reproduce,
      () => session.run(CommandIDs.reproduceRun, { run: run.id })
    ],
    [
      'register',
      trans.__('Register model'),
      refused.register,
      () => session.run(CommandIDs.registerModel, { run: run.id })
    ],
    [
      'deploy',
      trans.__('Deploy'),
      refused.deploy,
      () => session.run(CommandIDs.deploy, newest ? { model: newest.name, version: newest.version } : {})
    ],
    [
      'restore',
      trans.__('Open snapshot as folder'),
      refused.restore,
      () => session.run(CommandIDs.restoreSnapshot, { snapshot })
    ],
    ['compare', trans.__('Compare'), null, () => session.run(CommandIDs.compare, { runs: [run.id] })],
    [
      'tag',
      trans.__('Tag'),
      canWrite ? null : refused.cancel,
      () => session.run(CommandIDs.tagRuns, { runs: [run.id] })
    ],
    ['id', trans.__('Copy ID'), null, () => session.run(CommandIDs.copyId, { id: run.id })],
    ['python', trans.__('Copy Python'), null, () => session.run(CommandIDs.copyPython, opened)],
    ['link', trans.__('Copy link'), null, () => session.run(CommandIDs.copyLink, opened)]
  ] as const;
  return (
    <>
      {verbs.map(([id, label, why, what]) => (
        <Button key={id} refused={why} busy={busy === id} onClick={during(id, what)}>
          {label}
        </Button>
      ))}
    </>
  );
}
