/**
 * The plugin behind the verbs: commands, palette, launcher, menus, status bar and notifications. It holds names only;
 * what the commands do is loaded with the first one, and what watches once Lab has come to rest.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';

import { CommandIDs } from '../commands';
import { mlopsIcon } from '../common/labicon';
import { needed, once } from '../common/loading';
import { ICONS } from '../main/icons';
import { IMlops, SHELL_ID } from '../tokens';
import type { VerbId } from '../verbs';
import type { VerbParts } from '../verbs/context';
import { names } from './names';
import { Settings } from './settings';
import type { Running } from './start';

/** How long after Lab was drawn the watching begins, so that it takes nothing from Lab's own start. */
const REST_MS = 1500;

/** Without arguments these have nothing to work on. */
const NOT_IN_PALETTE: readonly string[] = [CommandIDs.copyId];

/** What begins something: to take something away one stands before it, or types it into the palette. */
const IN_LAUNCHER: readonly VerbId[] = [
  CommandIDs.runFile,
  CommandIDs.registerModel,
  CommandIDs.deploy,
  CommandIDs.updateService
];

/** For who may only look, too. */
const CHANGES_NOTHING: readonly string[] = [
  CommandIDs.compare,
  CommandIDs.compareManifests,
  CommandIDs.copyPython,
  CommandIDs.copyId,
  CommandIDs.downloadSnapshot,
  CommandIDs.checkHost,
  CommandIDs.trackCell
];

export const shell: JupyterFrontEndPlugin<void> = {
  id: SHELL_ID,
  description: 'Adds the verbs to the palette, the launcher, menus and toolbars, and tells what ended.',
  autoStart: true,
  requires: [IMlops],
  optional: [ICommandPalette, ILauncher, IStatusBar, INotebookTracker, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    mlops: IMlops,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    statusBar: IStatusBar | null,
    notebooks: INotebookTracker | null,
    browser: IDefaultFileBrowser | null
  ) => {
    const { trans } = mlops.lab;
    const parts = { notebooks, browser, settings: new Settings() };
    void parts.settings.follow(mlops.lab.settings, SHELL_ID);
    let running: Running | null = null;
    const start = once(
      async () => (running = await (await import('./start')).start(mlops, parts, statusBar))
    );
    register(app, mlops, parts, { start, refused: () => running?.refused() ?? null });
    const category = trans.__('MLOps');
    palette?.addItem({ command: CommandIDs.showSidebar, category });
    for (const command of Object.keys(names(trans))) {
      if (!NOT_IN_PALETTE.includes(command)) {
        palette?.addItem({ command, category });
      }
    }
    IN_LAUNCHER.forEach((command, rank) =>
      launcher?.add({ command, category, rank, args: { from: 'launcher' } })
    );
    notebooks?.activeCellChanged.connect(() => app.commands.notifyCommandChanged(CommandIDs.trackCell));
    notebooks?.currentChanged.connect(() => app.commands.notifyCommandChanged(CommandIDs.runNotebook));
    void app.restored.then(() => window.setTimeout(() => void start().catch(console.error), REST_MS));
  }
};

type Args = Readonly<Record<string, unknown>>;
type Cell = NonNullable<NotebookPanel['content']['activeCell']>;

interface Lazy {
  readonly start: () => Promise<Running>;
  /** Why nothing can be done, once that is known. */
  readonly refused: () => string | null;
}

function register(app: JupyterFrontEnd, mlops: IMlops, parts: VerbParts, lazy: Lazy): void {
  const { commands } = app;
  const { notebooks, browser } = parts;
  /** The cell under the menu that was opened on one, else the active one. */
  const cellOf = (args: Args): Cell | null => {
    const hit = args.from === 'cell' ? app.contextMenuHitTest(isCell) : undefined;
    const content = notebooks?.currentWidget?.content;
    return content?.widgets.find(({ node }) => node === hit) ?? content?.activeCell ?? null;
  };
  const isCode = (args: Args): boolean => cellOf(args)?.model.type === 'code';
  const isThere: Readonly<Record<string, (args: Args) => boolean>> = {
    [CommandIDs.runNotebook]: () => (notebooks?.currentWidget ?? null) !== null,
    [CommandIDs.trackCell]: isCode
  };
  /** Where a menu of the file browser was opened; a launcher says where it stands, and what is given counts first. */
  const place = (args: Args): object => {
    const { contents } = mlops.lab.manager;
    const [selected] = browser && args.from === 'browser' ? [...browser.selectedItems()] : [];
    return selected ? { path: contents.localPath(selected.path) } : {};
  };
  for (const [id, { label, short, on, caption = '' }] of Object.entries(names(mlops.lab.trans))) {
    const refused = (): string | null => (CHANGES_NOTHING.includes(id) ? null : lazy.refused());
    commands.addCommand(id, {
      label: args => ('from' in args ? short : isOfOne(args) ? on : null) ?? label,
      caption: () => refused() ?? caption,
      icon: args =>
        args.toolbar || ('from' in args && id !== CommandIDs.trackCell) || id === CommandIDs.runNotebook
          ? iconOf(id)
          : undefined,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: args => refused() === null && (isThere[id]?.(args) ?? true),
      ...(id === CommandIDs.trackCell && {
        isToggleable: true,
        isToggled: (args: Args) => isTracked(cellOf(args))
      }),
      execute: async given => {
        const content = notebooks?.currentWidget?.content;
        const cell = given.from === 'cell' ? cellOf(given) : null;
        if (content && cell) {
          content.activeCellIndex = content.widgets.indexOf(cell); // a right click alone does not choose it
        }
        const { from: _, cwd: __, toolbar: ___, ...args } = { ...place(given), ...given };
        const [{ context }, { execute }] = await needed(Promise.all([lazy.start(), import('../verbs')]));
        await execute(context, id as VerbId, args);
      }
    });
  }
}

/** Whether a menu hangs on the very thing. */
function isOfOne({ from: _, cwd: __, toolbar: ___, ...named }: Args): boolean {
  return Object.keys(named).length > 0;
}

function isCell(node: HTMLElement): boolean {
  return node.classList.contains('jp-Cell');
}

function isTracked(cell: Cell | null): boolean {
  return cell?.model.type === 'code' && /^%%ml[ \t]+run\b/.test(cell.model.sharedModel.getSource());
}

function iconOf(id: string): typeof mlopsIcon {
  switch (id) {
    case CommandIDs.registerModel:
      return ICONS.model;
    case CommandIDs.deploy:
      return ICONS.service;
    case CommandIDs.runFile:
    case CommandIDs.runNotebook:
      return ICONS.run;
    default:
      return mlopsIcon;
  }
}
