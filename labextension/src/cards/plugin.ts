/** The plugin that draws runs in notebooks; the drawing itself is loaded with the first card. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import { Panel, Widget } from '@lumino/widgets';

import { trans } from '../common/words';
import { CARDS_ID, IMlops } from '../tokens';
import { CARD_MIME, readCard } from './model';
import type { CardView } from './view';

class CardRenderer extends Panel implements IRenderMime.IRenderer {
  private view: CardView | null = null;

  constructor(
    private readonly manager: ServiceManager.IManager,
    private readonly rendermime: IRenderMimeRegistry,
    private readonly mlops: IMlops | null
  ) {
    super();
    this.addClass('jp-Mlops-card');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const card = readCard(model.data[CARD_MIME]);
    if (card === null) {
      this.showText(model.data['text/plain']);
      return;
    }
    const { CardView } = await import('./view');
    if (this.isDisposed) {
      return;
    }
    if (this.view === null) {
      this.view = new CardView(this.manager, this.rendermime, this.mlops);
      this.addWidget(this.view);
    }
    this.view.set(card);
  }

  /** A card that cannot be read, as of a later version: the text beside it says the same. */
  private showText(text: unknown): void {
    const node = document.createElement('pre');
    node.textContent = typeof text === 'string' ? text : trans.__('This run cannot be shown.');
    this.widgets.forEach(widget => widget.dispose());
    this.view = null;
    this.addWidget(new Widget({ node }));
  }
}

export const cards: JupyterFrontEndPlugin<void> = {
  id: CARDS_ID,
  description: 'Shows runs as cards in notebooks, live while they run.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [IMlops],
  activate: (app: JupyterFrontEnd, rendermime: IRenderMimeRegistry, mlops: IMlops | null) => {
    rendermime.addFactory(
      {
        safe: true, // nothing of the data is ever taken for markup
        mimeTypes: [CARD_MIME],
        createRenderer: () => new CardRenderer(app.serviceManager, rendermime, mlops)
      },
      0
    );
  }
};
