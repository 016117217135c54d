/** The plugin that lets Lab open what snapshots and runs keep. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';

import { FILES_ID, IMlops } from '../tokens';
import { KeptDrive } from './drive';
import { NO_KERNEL } from './open';
import { DRIVE } from './paths';

export const files: JupyterFrontEndPlugin<void> = {
  id: FILES_ID,
  description: 'Opens files of snapshots and runs, to be read.',
  autoStart: true,
  requires: [IMlops],
  optional: [INotebookTracker],
  activate: (app: JupyterFrontEnd, mlops: IMlops, notebooks: INotebookTracker | null) => {
    const refusal = mlops.lab.trans.__('What a run has kept is not changed. Save it as another file.');
    const client = async () => (await mlops.session()).client;
    app.serviceManager.contents.addDrive(new KeptDrive(app.serviceManager.serverSettings, client, refusal));
    // Also one that Lab opens again after a reload, which asks for a kernel by itself.
    notebooks?.widgetAdded.connect((_, { context, content }) => {
      if (!context.path.startsWith(`${DRIVE}:`)) {
        return;
      }
      context.sessionContext.kernelPreference = { ...context.sessionContext.kernelPreference, ...NO_KERNEL };
      // Lab takes a notebook that it brought into its own form for one that was changed, and would ask to save it.
      context.model.stateChanged.connect(model => {
        if (model.dirty) {
          model.dirty = false;
        }
      });
      context.model.dirty = false; // of one that cannot be read, too: it is closed at once
      void context.ready.then(() => {
        context.model.dirty = false;
        content.widgets.forEach(cell => (cell.readOnly = true));
      });
    });
  }
};
