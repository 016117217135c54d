/** The JupyterLab plugins: cards in notebooks, and a tab in the left sidebar that is loaded when it is first looked at. */

import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { ServiceManager } from '@jupyterlab/services';
import { IStateDB } from '@jupyterlab/statedb';
import type { Message } from '@lumino/messaging';
import { Panel, Widget } from '@lumino/widgets';

import { cards } from './cards/plugin';
import { mlopsIcon } from './common/labicon';
import { PLUGIN_ID } from './tokens';

class SidebarTab extends Panel {
  private loading = false;

  constructor(
    private readonly manager: ServiceManager.IManager,
    private readonly state: IStateDB | null
  ) {
    super();
    this.id = PLUGIN_ID;
    this.addClass('jp-Mlops-tab');
    this.title.icon = mlopsIcon;
    this.title.caption = 'MLOps: experiments, models and services';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'MLOps: experiments, models and services');
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
      this.addWidget(await SidebarContent.open(this.manager, this.state));
    } catch (error) {
      this.loading = false; // the next look tries again
      console.error(error);
      const node = document.createElement('div');
      node.className = 'jp-Mlops-failure';
      node.textContent =
        'This panel could not be loaded. Reload the page; if JupyterLab was upgraded, restart it first.';
      this.widgets.forEach(widget => widget.dispose());
      this.addWidget(new Widget({ node }));
      return;
    }
    this.widgets.slice(0, -1).forEach(widget => widget.dispose());
  }
}

const sidebar: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'Shows the experiments, models and services of the workspace in the left sidebar.',
  autoStart: true,
  optional: [ILayoutRestorer, IStateDB],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, state: IStateDB | null) => {
    const tab = new SidebarTab(app.serviceManager, state);
    app.shell.add(tab, 'left', { rank: 150, type: 'MLOps' });
    restorer?.add(tab, PLUGIN_ID);
  }
};

export default [sidebar, cards];
