/** Names that other extensions and the server know us by. */

export const PLUGIN_ID = 'jupyter-mlops:sidebar';
export const CARDS_ID = 'jupyter-mlops:cards';

/** Where the server extension answers, below the base URL. */
export const API = 'mlops/api';

/** The schema of the hints on Jupyter's event bus. */
export const CHANGE_SCHEMA = 'https://events.jupyter.org/jupyter_mlops/change/v1';

/** The version of this front end: the same as the Python package's. */
export const VERSION = '0.1.0';
