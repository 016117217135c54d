/** The connection of this page with the workspace: one for all panels, so that ten cost the server no more than one. */

import { Signal } from '@lumino/signaling';
import type { QueryClient } from '@tanstack/react-query';

import type { CommandArgs, CommandId } from '../commands';
import { Drafts } from '../common/draft';
import type { LabParts } from '../tokens';
import { Away } from './away';
import { Changes } from './changes';
import { Client } from './client';
import type { Hint } from './changes';
import { Feed } from './feed';
import { makeQueryClient } from './queries';
import { Socket } from './socket';
import type { Action } from './types';

/** How long the socket is kept open while nobody looks: an open one may keep a hub from stopping an idle server. */
const KEPT_MS = 60_000;

const PERMISSIONS = ['me'] as const;

export class Session {
  readonly queries: QueryClient = makeQueryClient();
  readonly client: Client;
  readonly changes: Changes;
  /** What panels watch, beyond what hints tell of. */
  readonly feed: Feed;
  /** A hint came; null: there may have been some that were not heard. */
  readonly hinted = new Signal<this, Hint | null>(this);
  readonly away: Away = new Away(this.queries);
  readonly drafts: Drafts = new Drafts();
  private readonly socket: Socket;
  private readonly lookers = new Set<object>();
  private timer: number | null = null;

  constructor(readonly lab: LabParts) {
    this.client = new Client(lab.manager.serverSettings);
    this.changes = new Changes(this.queries);
    this.changes.sleep();
    const all = (): void => {
      this.changes.all();
      this.hinted.emit(null);
    };
    this.feed = new Feed(addresses => this.socket.watch(addresses));
    this.socket = new Socket(lab.manager.serverSettings, {
      onHint: hint => {
        this.changes.hint(hint);
        this.hinted.emit(hint);
      },
      onWatched: (address, answer) =>
        answer === undefined ? this.feed.problem(address) : this.feed.answer(address, answer),
      onCut: () => this.feed.deaf(),
      onOpen: all,
      onLost: all // each says then what is wrong, and asks until it is answered
    });
    this.queries.getQueryCache().subscribe(event => {
      if (event.type === 'updated' && event.action.type === 'success') {
        this.socket.hurry();
      }
    });
    document.addEventListener('visibilitychange', this.onLook);
    window.addEventListener('online', this.onOnline);
    void this.queries
      // Kept for good: commands ask, which watch nothing.
      .query({ queryKey: PERMISSIONS, queryFn: () => this.client.permissions(), gcTime: Infinity })
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

  /** Ask again now for all that could not be had. */
  async retry(): Promise<void> {
    this.socket.hurry();
    await this.queries.refetchQueries({
      type: 'active',
      predicate: ({ state }) => state.status === 'error'
    });
  }

  dispose(): void {
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
    }
    window.removeEventListener('online', this.onOnline);
    document.removeEventListener('visibilitychange', this.onLook);
    this.feed.dispose();
    this.socket.close();
    this.changes.dispose();
    Signal.clearData(this);
    this.queries.clear();
  }

  private readonly onLook = (): void => {
    if (this.lookers.size && document.visibilityState === 'visible') {
      if (this.timer !== null) {
        window.clearTimeout(this.timer);
        this.timer = null;
      }
      this.changes.wake();
      this.feed.look(true);
      this.socket.open();
    } else {
      this.changes.sleep();
      this.feed.look(false);
      this.timer ??= window.setTimeout(() => this.socket.close(), KEPT_MS);
    }
  };

  private readonly onOnline = (): void => this.socket.renew();
}
