/** Names that other extensions and the server know us by, and what our plugins share. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IEditorServices } from '@jupyterlab/codeeditor';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStateDB } from '@jupyterlab/statedb';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';

import type { Session } from './api/session';

export const PLUGIN_ID = 'jupyter-mlops:sidebar';
export const CARDS_ID = 'jupyter-mlops:cards';
export const SESSION_ID = 'jupyter-mlops:session';
export const MAIN_ID = 'jupyter-mlops:main';
export const SHELL_ID = 'jupyter-mlops:shell';
export const FILES_ID = 'jupyter-mlops:files';

/** Where the server extension answers, below the base URL. */
export const API = 'mlops/api';

/** The schema of the hints on Jupyter's event bus. */
export const CHANGE_SCHEMA = 'https://events.jupyter.org/jupyter_mlops/change/v1';

/** The version of this front end: the same as the Python package's. */
export const VERSION = '0.1.0';

/** What of Lab we use. What is null is absent, as in Notebook 7 or where an administrator disabled it. */
export interface LabParts {
  readonly manager: ServiceManager.IManager;
  readonly commands: JupyterFrontEnd['commands'];
  readonly shell: JupyterFrontEnd['shell'];
  readonly trans: TranslationBundle;
  readonly state: IStateDB | null;
  readonly settings: ISettingRegistry | null;
  readonly rendermime: IRenderMimeRegistry | null;
  readonly documents: IDocumentManager | null;
  readonly editors: IEditorServices | null;
}

/** What our plugins have in common. */
export interface IMlops {
  readonly lab: LabParts;
  /** The one session of this page, made when it is first asked for: its code is not loaded before. */
  readonly session: () => Promise<Session>;
}

export const IMlops = new Token<IMlops>('jupyter-mlops:IMlops', 'The connection with the workspace.');
