/** The plugin behind what opens in the main area: commands, layout restored, links followed. */

import { ILayoutRestorer, IRouter } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import type { OpenArgs } from '../commands';
import { needed } from '../common/loading';
import { IMlops, MAIN_ID } from '../tokens';
import { PATTERN, readLink, withoutLink } from './link';
import type { RestoreArgs, Tracker } from './open';

export const main: JupyterFrontEndPlugin<void> = {
  id: MAIN_ID,
  description: 'Opens runs, comparisons, experiments, models and services in the main area.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILayoutRestorer, IRouter],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    restorer: ILayoutRestorer | null,
    router: IRouter | null
  ) => {
    const { trans } = mlops.lab;
    const tracker: Tracker = new WidgetTracker({ namespace: 'mlops' });
    app.commands.addCommand(CommandIDs.open, {
      label: trans.__('Open'),
      describedBy: {
        args: {
          ...ARGS,
          properties: {
            ...ARGS.properties,
            tab: { type: 'string' },
            id: { type: 'string' },
            label: { type: 'string' }
          }
        }
      },
      execute: async args => {
        const [{ open }] = await needed(Promise.all([import('./open'), mlops.session()]));
        await open(mlops, tracker, args as unknown as RestoreArgs);
      }
    });
    app.commands.addCommand(CommandIDs.copyLink, {
      label: trans.__('Copy Link'),
      describedBy: { args: ARGS },
      execute: async args => (await needed(import('./open'))).copyLink(mlops, args as unknown as OpenArgs)
    });
    app.commands.addCommand(CommandIDs.followLink, {
      label: trans.__('Open Link'),
      describedBy: { args: { type: 'object', properties: { link: { type: 'string' } } } },
      execute: async args => {
        const search = router?.current.search ?? '';
        const opened = readLink(typeof args.link === 'string' ? args.link : search);
        if (router && PATTERN.test(search)) {
          const { path, hash } = router.current;
          router.navigate(withoutLink(path + search) + hash, { skipRouting: true });
        }
        if (opened) {
          await app.restored; // else the layout that is restored would cover it
          await app.commands.execute(CommandIDs.open, { ...opened });
        }
      }
    });
    router?.register({ command: CommandIDs.followLink, pattern: PATTERN, rank: 60 });
    void restorer?.restore(tracker, {
      command: CommandIDs.open,
      args: ({ id, content }) => ({ ...content.args, id, label: content.title.label }),
      name: ({ id }) => id
    });
  }
};

const ARGS = {
  type: 'object',
  properties: {
    kind: { type: 'string', enum: ['run', 'compare', 'experiment', 'model', 'service'] },
    subject: { type: 'string' }
  },
  required: ['kind', 'subject']
} as const;
