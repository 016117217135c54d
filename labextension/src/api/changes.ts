/** Turns hints about changes into refetches: from the event bus, and by asking for what it missed. */

import type { QueryClient } from '@tanstack/react-query';

import { CHANGE_SCHEMA } from '../tokens';
import type { Client } from './client';
import type { Workspace } from './types';

/** First words of the query keys, one per list that the panel shows. */
export type Topic = 'workspace' | 'experiments' | 'runs' | 'models' | 'services' | 'activities';

const ALL: readonly Topic[] = ['workspace', 'experiments', 'runs', 'models', 'services', 'activities'];

/** Which lists a change of a kind may show in. */
const TOPICS: Readonly<Record<string, readonly Topic[]>> = {
  workspace: ALL,
  run: ['runs', 'experiments'],
  experiment: ['experiments', 'runs'],
  model: ['models'],
  service: ['services', 'models'],
  activity: ['activities']
};

/** Return the lists to refetch. No name means that something in MLflow's store changed, by whatever program. */
export function topicsOf({ kind, name }: { readonly kind: string; readonly name: string }): readonly Topic[] {
  return kind === 'run' && name === '' ? ['runs', 'experiments', 'models'] : (TOPICS[kind] ?? []);
}

/** A hint as it travels on Jupyter's event bus. */
export interface Hint {
  readonly workspace: string;
  readonly seq: number;
  readonly kind: string;
  readonly name: string;
}

/** Return the hint in an emission of the event bus, or null when it is somebody else's. */
export function readHint(emission: {
  readonly schema_id: string;
  readonly [key: string]: unknown;
}): Hint | null {
  const { schema_id, workspace, seq, kind, name } = emission;
  if (schema_id !== CHANGE_SCHEMA || typeof kind !== 'string' || typeof workspace !== 'string') {
    return null;
  }
  return {
    workspace,
    seq: typeof seq === 'number' ? seq : 0,
    kind,
    name: typeof name === 'string' ? name : ''
  };
}

/**
 * Keeps the queries of one `QueryClient` fresh. Hints arrive in bursts (a run logs a thousand points a
 * second), so the lists they touch are refetched at once and then at most once every `restMs`.
 */
export class Changes {
  private seq = 0;
  private readonly waiting = new Set<Topic>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private missed = false;
  private awake = true;

  constructor(
    private readonly queries: QueryClient,
    private readonly client: Pick<Client, 'events'>,
    private readonly restMs = 500
  ) {}

  /** A hint came. Those of another workspace than the one shown mean that the server changed its own. */
  hint(hint: Hint): void {
    const shown = this.queries.getQueryData<Workspace>(['workspace']);
    if (shown && hint.workspace && hint.workspace !== shown.id) {
      this.all();
      return;
    }
    this.seq = Math.max(this.seq, hint.seq);
    this.touch(topicsOf(hint));
  }

  /** Ask for what was missed, by `seq`. Does nothing while nobody looks. */
  async catchUp(): Promise<void> {
    const shown = this.queries.getQueryData<Workspace>(['workspace']);
    if (!this.awake) {
      this.missed = true;
      return;
    }
    if (!shown) {
      this.all(); // the server was not there, or had no workspace yet
      return;
    }
    const after = Math.max(this.seq, shown.seq);
    let events;
    try {
      events = await this.client.events(after);
    } catch {
      this.all(); // the lists themselves say what is wrong
      return;
    }
    this.seq = Math.max(after, ...events.map(event => event.seq));
    this.touch(events.flatMap(event => topicsOf(event)));
  }

  /** Refetch everything: also changes that leave no event, as plain MLflow's. */
  all(): void {
    this.touch(ALL);
  }

  /** Nobody looks: remember that something changed and ask for nothing. */
  sleep(): void {
    this.awake = false;
  }

  wake(): void {
    this.awake = true;
    if (this.missed) {
      this.missed = false;
      this.all();
    }
  }

  dispose(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    this.waiting.clear();
  }

  private touch(topics: readonly Topic[]): void {
    if (!topics.length) {
      return;
    }
    if (!this.awake) {
      this.missed = true;
      return;
    }
    topics.forEach(topic => this.waiting.add(topic));
    if (this.timer === null) {
      this.flush();
    }
  }

  private flush(): void {
    const topics = [...this.waiting];
    this.waiting.clear();
    for (const topic of topics) {
      // A fetch under way may have read the store before this change: its answer is not waited for.
      void this.queries.invalidateQueries({ queryKey: [topic] }, { cancelRefetch: true });
    }
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.waiting.size) {
        this.flush();
      }
    }, this.restMs);
  }
}
