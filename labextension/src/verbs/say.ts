/** Telling that something was done, and opening what came of it. */

import { Notification } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import type { Kind } from '../commands';
import type { Context } from './context';

const SHORT_MS = 4000;

/** Say so for a moment. */
export function said(message: string): void {
  Notification.success(message, { autoClose: SHORT_MS });
}

export async function opened(context: Context, kind: Kind, subject: string): Promise<void> {
  await context.session.run(CommandIDs.open, { kind, subject });
}

/** An action of a notification that opens something. */
export function opening(context: Context, label: string, kind: Kind, subject: string): Notification.IAction {
  return { label, callback: () => void opened(context, kind, subject) };
}
