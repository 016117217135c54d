/** Opens things in the main area: what is open already comes to the front. */

import { Clipboard, DOMUtils, MainAreaWidget, Notification } from '@jupyterlab/apputils';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';

import type { OpenArgs, ShowArgs } from '../commands';
import { frontPage, notebookPage } from '../common/notebook';
import type { IMlops } from '../tokens';
import { makeLink } from './link';
import { MainContent } from './widget';

export type Tracker = WidgetTracker<MainAreaWidget<MainContent>>;

/** What the layout remembers of a widget: under its id, since a view may come to show something else. */
export interface RestoreArgs extends ShowArgs {
  readonly id?: string;
  /** What its tab said last: nothing is asked for while it stands behind others. */
  readonly label?: string;
}

/** What is being opened: the second click of two, before the first one has come to anything, opens no other. */
const opening = new Map<string, Promise<void>>();

export function open(mlops: IMlops, tracker: Tracker, args: RestoreArgs): Promise<void> {
  const key = `${args.kind}:${args.subject}`;
  const begun = opening.get(key) ?? openOnce(mlops, tracker, args).finally(() => opening.delete(key));
  opening.set(key, begun);
  return begun;
}

async function openOnce(mlops: IMlops, tracker: Tracker, { tab, ...args }: RestoreArgs): Promise<void> {
  const { shell } = mlops.lab;
  const tabs = frontPage(shell);
  if (notebookPage() && !tabs) {
    window.open(linkTo(args), '_blank', 'noopener'); // as Notebook opens everything in a browser tab of its own
    return;
  }
  let widget = tracker.find(
    ({ content }) => content.args.kind === args.kind && content.args.subject === args.subject
  );
  if (!widget) {
    widget = new MainAreaWidget({ content: new MainContent(await mlops.session(), args) });
    widget.id = args.id ?? `mlops-${args.kind}-${DOMUtils.createDomID()}`;
    widget.toolbar.hide(); // each view has its own
    const opened = widget;
    if (args.label) {
      opened.content.title.label = args.label;
    }
    opened.content.argsChanged.connect(() => void tracker.save(opened));
    opened.content.title.changed.connect(() => void tracker.save(opened));
    await tracker.add(widget);
  }
  if (tab !== undefined) {
    widget.content.showTab(tab);
  }
  if (tabs) {
    tabs.addWidget(widget);
    tabs.currentWidget = widget;
    return;
  }
  if (!widget.isAttached) {
    shell.add(widget, 'main', { type: 'MLOps' });
  }
  shell.activateById(widget.id);
}

export function copyLink(mlops: IMlops, args: OpenArgs): void {
  Clipboard.copyToSystem(linkTo(args));
  Notification.success(mlops.lab.trans.__('The link is copied.'), { autoClose: 3000 });
}

function linkTo(args: OpenArgs): string {
  return makeLink(args, {
    origin: window.location.origin,
    baseUrl: PageConfig.getBaseUrl(),
    // A guest of somebody's server has no other that shows this workspace.
    hubPrefix: isGuest() ? '' : PageConfig.getOption('hubPrefix'),
    page: notebookPage() ? 'tree' : 'lab'
  });
}

/** Whether a hub lets this person into the server of another. */
function isGuest(): boolean {
  return PageConfig.getOption('hubUser') !== PageConfig.getOption('hubServerUser');
}
