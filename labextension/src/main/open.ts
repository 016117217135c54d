/** Opens things in the main area: what is open already comes to the front. */

import { Clipboard, MainAreaWidget, Notification } from '@jupyterlab/apputils';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';

import type { OpenArgs } from '../commands';
import type { IMlops } from '../tokens';
import { makeLink } from './link';
import { MainContent } from './widget';

export type Tracker = WidgetTracker<MainAreaWidget<MainContent>>;

export async function open(mlops: IMlops, tracker: Tracker, args: OpenArgs): Promise<void> {
  const { shell } = mlops.lab;
  let widget = tracker.find(
    ({ content }) => content.args.kind === args.kind && content.args.subject === args.subject
  );
  if (!widget) {
    widget = new MainAreaWidget({ content: new MainContent(await mlops.session(), args) });
    widget.id = `mlops-${args.kind}-${args.subject}`;
    widget.toolbar.hide(); // each view has its own
    await tracker.add(widget);
  }
  if (!widget.isAttached) {
    shell.add(widget, 'main', { type: 'MLOps' });
  }
  shell.activateById(widget.id);
}

export function copyLink(mlops: IMlops, args: OpenArgs): void {
  const link = makeLink(args, {
    origin: window.location.origin,
    baseUrl: PageConfig.getBaseUrl(),
    hubPrefix: PageConfig.getOption('hubPrefix'),
    page: PageConfig.getOption('notebookPage') ? 'tree' : 'lab'
  });
  Clipboard.copyToSystem(link);
  Notification.success(mlops.lab.trans.__('The link is copied.'), { autoClose: 3000 });
}
