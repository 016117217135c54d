/** The connection of this page with the workspace: one for all panels, so that ten cost the server no more than one. */

import type { QueryClient } from '@tanstack/react-query';

import type { CommandArgs, CommandId } from '../commands';
import type { LabParts } from '../tokens';
import { Bridge } from './bridge';
import { Changes, readHint } from './changes';
import { Client } from './client';
import { asApiError } from './errors';
import { makeQueryClient } from './queries';
import type { Action } from './types';

/** How often the server is asked for what the event bus may have lost. */
const ASK_MS = 30_000;

const PERMISSIONS = ['me'] as const;

export class Session {
  readonly queries: QueryClient = makeQueryClient();
  readonly client: Client;
  readonly changes: Changes;
  private readonly bridge: Bridge;
  private readonly lookers = new Set<object>();
  private timer: number | null = null;

  constructor(readonly lab: LabParts) {
    this.client = new Client(lab.manager.serverSettings);
    this.changes = new Changes(this.queries, this.client);
    this.changes.sleep();
    this.bridge = new Bridge(() => this.changes.all());
    lab.manager.events.stream.connect(this.onEmission);
    lab.manager.connectionFailure.connect(this.onFailure);
    this.queries.getQueryCache().subscribe(event => {
      if (event.type === 'updated' && event.action.type === 'error') {
        if (asApiError(event.action.error).kind === 'unreachable') {
          this.onFailure();
        }
      }
    });
    document.addEventListener('visibilitychange', this.onLook);
    window.addEventListener('focus', this.onReturn);
    window.addEventListener('online', this.onReturn);
    void this.queries
      .query({ queryKey: PERMISSIONS, queryFn: () => this.client.permissions() })
      .catch(() => undefined); // who needs it asks again
  }

  /** Tell whether `who` is looked at: while nobody looks at anything, nothing is asked. */
  look(who: object, isVisible: boolean): void {
    if (isVisible) {
      this.lookers.add(who);
    } else {
      this.lookers.delete(who);
    }
    this.onLook();
  }

  /** Whether the server's authorizer lets this person do so; yes as long as it has not said. */
  can(action: Action): boolean {
    return this.queries.getQueryData<readonly Action[]>(PERMISSIONS)?.includes(action) ?? true;
  }

  /** Run one of our commands. */
  run<C extends CommandId>(command: C, args: CommandArgs[C]): Promise<unknown> {
    return this.lab.commands.execute(command, args as Readonly<Record<string, never>>);
  }

  dispose(): void {
    if (this.timer !== null) {
      window.clearInterval(this.timer);
    }
    window.removeEventListener('focus', this.onReturn);
    window.removeEventListener('online', this.onReturn);
    document.removeEventListener('visibilitychange', this.onLook);
    this.lab.manager.events.stream.disconnect(this.onEmission);
    this.lab.manager.connectionFailure.disconnect(this.onFailure);
    this.bridge.stop();
    this.changes.dispose();
    this.queries.clear();
  }

  private readonly onEmission = (_: unknown, emission: Parameters<typeof readHint>[0]): void => {
    this.bridge.heard();
    const hint = readHint(emission);
    if (hint) {
      this.changes.hint(hint);
    }
  };

  private readonly onFailure = (): void => {
    this.bridge.failed();
  };

  private readonly onLook = (): void => {
    if (this.lookers.size && document.visibilityState === 'visible') {
      this.changes.wake();
      this.timer ??= window.setInterval(this.onReturn, ASK_MS);
    } else {
      this.changes.sleep();
      if (this.timer !== null) {
        window.clearInterval(this.timer);
        this.timer = null;
      }
    }
  };

  private readonly onReturn = (): void => {
    void this.changes.catchUp();
  };
}
