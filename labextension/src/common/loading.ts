/** What is loaded when it is first needed: from a server that may be away just then, or upgraded since. */

import { Notification } from '@jupyterlab/apputils';

import { trans } from './words';

/** Return what loads something once, and anew only where that failed. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | null = null;
  return () =>
    (begun ??= load().catch((error: unknown) => {
      begun = null;
      throw error;
    }));
}

/** Wait for what a click needs. Where it cannot be loaded that is said: nothing else would come of the click. */
export async function needed<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (error) {
    Notification.error(
      trans.__(
        'What this needs could not be loaded. Try again, or reload the page; if JupyterLab was upgraded, restart it first.'
      )
    );
    throw error;
  }
}
