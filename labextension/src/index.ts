/** The JupyterLab plugins. This chunk is loaded as Lab starts, so it holds little; what it opens is loaded when it is first looked at. */

import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { cards } from './cards/plugin';
import { CommandIDs } from './commands';
import { mlopsIcon } from './common/labicon';
import { once } from './common/loading';
import { frontPage, notebookPage } from './common/notebook';
import { setWords } from './common/words';
import { files } from './files/plugin';
import { main } from './main/plugin';
import { shell } from './shell/plugin';
import type { SidebarContent } from './sidebar/widget';
import { IMlops, PLUGIN_ID, SESSION_ID } from './tokens';

class SidebarTab extends Panel {
  private loading = false;
  private content: SidebarContent | null = null;
  private section: string | null = null;
  private isActivated = false;

  constructor(private readonly mlops: IMlops) {
    super();
    const caption = mlops.lab.trans.__('MLOps: experiments, models and services');
    this.id = PLUGIN_ID;
    this.addClass('jp-Mlops-tab');
    this.title.icon = mlopsIcon;
    this.title.caption = caption;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', caption);
  }

  /** Unfold a section and bring it into view, at once or when the panel is loaded. */
  reveal(section: string): void {
    this.section = section;
    this.content?.reveal(section);
  }

  /** Take the focus, as Lab's own panels do: who opened it by keyboard goes on in it. */
  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    this.isActivated = true;
    // Not at once: a palette that closes gives the focus back to where it was.
    window.setTimeout(() => this.content?.focus());
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    void this.load();
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (this.isVisible) {
      void this.load();
    }
  }

  private async load(): Promise<void> {
    if (this.loading) {
      return;
    }
    this.loading = true;
    try {
      const { SidebarContent } = await import('./sidebar/widget');
      this.content = await SidebarContent.open(await this.mlops.session());
      this.addWidget(this.content);
      if (this.section !== null) {
        this.content.reveal(this.section);
      } else if (this.isActivated) {
        this.content.focus();
      }
    } catch (error) {
      this.loading = false; // the next look tries again
      console.error(error);
      const node = document.createElement('div');
      node.className = 'jp-Mlops-failure';
      node.textContent = this.mlops.lab.trans.__(
        'This panel could not be loaded. Reload the page; if JupyterLab was upgraded, restart it first.'
      );
      this.widgets.forEach(widget => widget.dispose());
      this.addWidget(new Widget({ node }));
      return;
    }
    this.widgets.slice(0, -1).forEach(widget => widget.dispose());
  }
}

const session: JupyterFrontEndPlugin<IMlops> = {
  id: SESSION_ID,
  description: 'Connects the page with the workspace of the server.',
  autoStart: true,
  provides: IMlops,
  optional: [ITranslator, IStateDB, ISettingRegistry, IRenderMimeRegistry, IDocumentManager, IEditorServices],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    state: IStateDB | null,
    settings: ISettingRegistry | null,
    rendermime: IRenderMimeRegistry | null,
    documents: IDocumentManager | null,
    editors: IEditorServices | null
  ): IMlops => {
    const trans = (translator ?? nullTranslator).load('jupyter_mlops');
    setWords(trans);
    const lab = {
      manager: app.serviceManager,
      commands: app.commands,
      shell: app.shell,
      trans,
      state,
      settings,
      rendermime,
      documents,
      editors
    };
    return { lab, session: once(async () => new (await import('./api/session')).Session(lab)) };
  }
};

const sidebar: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Shows the experiments, models and services of the workspace in the left sidebar.',
  autoStart: true,
  requires: [IMlops],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, mlops: IMlops, restorer: ILayoutRestorer | null) => {
    const tab = new SidebarTab(mlops);
    app.commands.addCommand(CommandIDs.showSidebar, {
      label: mlops.lab.trans.__('Show Experiments, Models and Services'),
      describedBy: { args: { type: 'object', properties: { section: { type: 'string' } } } },
      execute: ({ section }) => {
        app.shell.activateById(PLUGIN_ID);
        if (typeof section === 'string') {
          tab.reveal(section);
        }
      }
    });
    if (notebookPage() === 'tree') {
      tab.title.label = mlops.lab.trans.__('MLOps');
      void app.restored.then(() => frontPage(app.shell)?.addWidget(tab));
      return;
    }
    app.shell.add(tab, 'left', { rank: 150, type: 'MLOps' });
    restorer?.add(tab, PLUGIN_ID);
  }
};

export default [session, sidebar, main, files, shell, cards];
