/** What every verb works with. */

import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Client } from '../api/client';
import type { Session } from '../api/session';
import type { Watcher } from '../shell/watcher';
import type { Settings } from '../shell/settings';

/** The parts of Lab that only verbs use; what is null is absent, as in Notebook 7. */
export interface VerbParts {
  readonly notebooks: INotebookTracker | null;
  readonly browser: IDefaultFileBrowser | null;
  readonly settings: Settings;
}

export class Context {
  readonly trans: TranslationBundle;
  readonly client: Client;

  constructor(
    readonly session: Session,
    readonly watcher: Watcher,
    readonly parts: VerbParts
  ) {
    this.trans = session.lab.trans;
    this.client = session.client;
  }
}
