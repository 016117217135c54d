/** The buttons of a run: each runs a command. */

import { useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { RunDetail } from '../api/types';
import { CommandIDs } from '../commands';
import { Actions } from '../common/ui/actions';
import type { Action } from '../common/ui/actions';
import { isLive, refusals, versionsOf } from './model';
import { useModels } from './queries';

export function RunActions({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const lookOnly = useRefusal();
  const { data: models = [] } = useModels();
  const [busy, setBusy] = useState<string | null>(null);
  const { run, snapshot } = detail;
  const versions = versionsOf(models, run.id);
  const refused = refusals(detail, versions, lookOnly, trans);
  const opened = { kind: 'run', subject: run.id } as const;
  const newest = versions[0];

  // Commands say themselves what went wrong.
  const during = (id: string, what: () => Promise<unknown>) => (): void => {
    setBusy(id);
    void what()
      .catch(() => undefined)
      .finally(() => setBusy(null));
  };
  const verb = (
    id: string,
    label: string,
    what: () => Promise<unknown>,
    why: string | null = null
  ): Action => ({ id, label, refused: why, busy: busy === id, onClick: during(id, what) });
  const cancel = verb(
    'cancel',
    trans.__('Cancel'),
    () => session.run(CommandIDs.cancelRun, { run: run.id }),
    refused.cancel
  );
  const verbs = [
    ...(isLive(run) ? [cancel] : []),
    verb('compare', trans.__('Compare'), () => session.run(CommandIDs.compare, { runs: [run.id] })),
    verb(
      'register',
      trans.__('Register model'),
      () => session.run(CommandIDs.registerModel, { run: run.id }),
      refused.register
    ),
    verb(
      'deploy',
      trans.__('Deploy'),
      () => session.run(CommandIDs.deploy, newest ? { model: newest.name, version: newest.version } : {}),
      refused.deploy
    ),
    verb(
      'reproduce',
      trans.__('Reproduce'),
      () => session.run(CommandIDs.reproduceRun, { run: run.id }),
      refused.reproduce
    ),
    verb('tag', trans.__('Tag'), () => session.run(CommandIDs.tagRuns, { runs: [run.id] }), lookOnly),
    verb('link', trans.__('Copy link'), () => session.run(CommandIDs.copyLink, opened)),
    verb('id', trans.__('Copy ID'), () => session.run(CommandIDs.copyId, { id: run.id })),
    verb('python', trans.__('Copy Python'), () => session.run(CommandIDs.copyPython, opened)),
    verb(
      'restore',
      trans.__('Open snapshot as folder'),
      () => session.run(CommandIDs.restoreSnapshot, { snapshot }),
      refused.restore
    ),
    ...(isLive(run) ? [] : [cancel])
  ];
  return <Actions actions={verbs} />;
}
