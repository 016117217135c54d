/** A session for specs: the real one, on the server by hand, with real commands and no Lab around it. */

import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Signal } from '@lumino/signaling';
import { render } from '@testing-library/react';
import type { RenderResult } from '@testing-library/react';
import type { ReactNode } from 'react';

import { SessionProvider } from '../api/context';
import { Session } from '../api/session';
import type { LabParts } from '../tokens';
import { HandServer } from './server';

export interface Shown extends RenderResult {
  readonly server: HandServer;
  readonly session: Session;
  /** Commands that were run: `[id, args]`. */
  readonly ran: (readonly [string, unknown])[];
}

export function makeSession(server: HandServer, parts: Partial<LabParts> = {}): Session {
  const stream = new Signal<object, never>({});
  const connectionFailure = new Signal<object, Error>({});
  const manager = { serverSettings: server.settings, events: { stream }, connectionFailure };
  return new Session({
    manager: manager as unknown as LabParts['manager'],
    commands: new CommandRegistry(),
    shell: {} as LabParts['shell'],
    trans: nullTranslator.load('jupyter_mlops'),
    state: null,
    settings: null,
    rendermime: null,
    documents: null,
    editors: null,
    ...parts
  });
}

/** Draw content as a visible widget does. */
export function show(content: ReactNode, server = new HandServer(), parts: Partial<LabParts> = {}): Shown {
  const session = makeSession(server, parts);
  const ran: (readonly [string, unknown])[] = [];
  session.lab.commands.commandExecuted.connect((_, { id, args }) => ran.push([id, args]));
  const shown = render(<SessionProvider session={session}>{content}</SessionProvider>);
  return { ...shown, server, session, ran };
}
