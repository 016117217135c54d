/** Begins to watch, once Lab has come to rest or the first verb is run. */

import type { IStatusBar } from '@jupyterlab/statusbar';
import type { QueryKey } from '@tanstack/react-query';

import { asApiError } from '../api/errors';
import type { Run } from '../api/types';
import type { IMlops } from '../tokens';
import { Context } from '../verbs/context';
import type { VerbParts } from '../verbs/context';
import { names } from './names';
import { StatusItem } from './status';
import { Watcher } from './watcher';

export interface Running {
  readonly context: Context;
  /** Why nothing can be changed, in one sentence, or null. */
  readonly refused: () => string | null;
}

export async function start(mlops: IMlops, parts: VerbParts, statusBar: IStatusBar | null): Promise<Running> {
  const { lab } = mlops;
  const session = await mlops.session();
  const watcher = new Watcher(session, parts.settings, run => isInFront(run, parts));
  const refused = (): string | null => {
    const error = session.queries.getQueryState(['activities', 100])?.error;
    if (error && asApiError(error).kind === 'absent') {
      return asApiError(error).message;
    }
    return session.can('write')
      ? null
      : lab.trans.__('This server lets you look at its workspace, and not change it.');
  };
  let last = refused();
  session.queries.getQueryCache().subscribe(({ query, type }) => {
    const [topic] = query.queryKey as QueryKey;
    if (type === 'updated' && (topic === 'me' || topic === 'activities') && refused() !== last) {
      last = refused();
      Object.keys(names(lab.trans)).forEach(id => lab.commands.notifyCommandChanged(id));
    }
  });
  watcher.start();
  if (statusBar) {
    const item = new StatusItem(watcher, lab);
    parts.settings.onChange(() => watcher.changed.emit());
    statusBar.registerStatusItem('jupyter-mlops:status', {
      item,
      align: 'left',
      rank: 90,
      isActive: () => item.isBusy() && parts.settings.look().status,
      activeStateChanged: watcher.changed
    });
  }
  return { context: new Context(session, watcher, parts), refused };
}

/** A run of the notebook that a person has in front of them shows its own card there. */
function isInFront(run: Run, { notebooks }: VerbParts): boolean {
  const panel = notebooks?.currentWidget;
  const file = run.tags['mlops.notebook'] ?? '';
  return (
    panel !== null &&
    panel !== undefined &&
    panel.isVisible &&
    document.hasFocus() &&
    !run.tags['mlops.target'] && // in a process of its own it leaves no card in the notebook
    `/${file}`.endsWith(`/${panel.context.localPath}`)
  );
}
