/** Tracking the active cell: `%%ml run` above it, and what that needs. */

import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Context } from './context';
import { LOAD, MAGIC, isLoadedBy, toggled } from './magic';

/** Put the magic above the active cell, or take it away. The first one of a notebook brings the line that loads it. */
export async function trackCell(context: Context): Promise<void> {
  const panel = context.parts.notebooks?.currentWidget;
  const cell = panel?.content.activeCell?.model.sharedModel;
  if (!panel || cell?.cell_type !== 'code') {
    return;
  }
  const change = toggled(cell.getSource());
  const { trans } = context;
  if (change === null) {
    const [first = ''] = cell.getSource().split('\n');
    Notification.warning(
      trans.__(
        'The cell begins with %1 already, and a cell takes one magic. Track another one.',
        first.slice(0, 40)
      ),
      { autoClose: 8000 }
    );
    return;
  }
  cell.updateSource(0, change.remove, change.insert);
  if (change.insert) {
    await loadOnce(panel, context);
  }
}

async function loadOnce(panel: NotebookPanel, context: Context): Promise<void> {
  const notebook = panel.model?.sharedModel;
  if (!notebook || notebook.cells.some(cell => isLoadedBy(cell.getSource()))) {
    return;
  }
  const { trans } = context;
  notebook.insertCell(0, { cell_type: 'code', source: LOAD, metadata: { trusted: true } });
  Notification.info(trans.__('%1 now stands at the top of the notebook: %2 needs it.', LOAD, MAGIC), {
    autoClose: 8000
  });
  const added = panel.content.widgets[0];
  if (added && panel.sessionContext.session?.kernel) {
    // A kernel that runs already would not know the magic until somebody thought of the new cell.
    const { NotebookActions } = await import('@jupyterlab/notebook');
    await NotebookActions.runCells(panel.content, [added], panel.sessionContext);
  }
}
