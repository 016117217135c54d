/** Turns hints about changes into refetches. */

import type { Query, QueryClient } from '@tanstack/react-query';

import { CHANGE_SCHEMA } from '../tokens';
import type { Workspace } from './types';

/** First words of the query keys. The second word of those in the singular is the name of one thing. */
const TOPICS = [
  'workspace',
  'experiments',
  'runs',
  'run',
  'comparison',
  'models',
  'model',
  'services',
  'service',
  'activities',
  'snapshots',
  'manifests',
  'images',
  'hosts',
  'lineage'
] as const;

export type Topic = (typeof TOPICS)[number];

/** Whether queries whose key begins so are about the workspace. */
export function isTopic(word: unknown): word is Topic {
  return TOPICS.includes(word as Topic);
}

/** Which queries are to be asked again: all of a topic, or those about one thing of it. */
export type Touched = readonly [Topic] | readonly [Topic, string];

const ALL: readonly Touched[] = TOPICS.map(topic => [topic]);

/** Which lists a change of a kind may show in; the thing itself comes on top. */
const LISTS: Readonly<Record<string, readonly Topic[]>> = {
  run: ['runs', 'experiments', 'comparison'],
  experiment: ['experiments', 'runs'],
  model: ['models', 'lineage'],
  service: ['services', 'models', 'lineage'],
  activity: ['activities'],
  snapshot: ['snapshots'],
  manifest: ['manifests', 'lineage'],
  image: ['images', 'lineage'],
  host: ['hosts']
};

const SINGULAR: ReadonlySet<string> = new Set(['run', 'model', 'service']);

/** Return what to ask again. No name means that many changed, or something in MLflow's store by whatever program. */
export function touchedBy({
  kind,
  name
}: {
  readonly kind: string;
  readonly name: string;
}): readonly Touched[] {
  if (kind === 'workspace') {
    return ALL;
  }
  const lists = (LISTS[kind] ?? []).map(topic => [topic] as const);
  if (!SINGULAR.has(kind)) {
    return lists;
  }
  const itself: Touched = name ? [kind as Topic, name] : [kind as Topic];
  return kind === 'run' && !name ? [...lists, itself, ['models'], ['model']] : [...lists, itself];
}

/** A hint as it travels on Jupyter's event bus. */
export interface Hint {
  readonly workspace: string;
  readonly kind: string;
  readonly name: string;
}

/** Return the hint in an emission of the event bus, or null when it is something else. */
export function readHint(emission: {
  readonly schema_id?: unknown;
  readonly [key: string]: unknown;
}): Hint | null {
  const { schema_id, workspace, kind, name } = emission;
  if (schema_id !== CHANGE_SCHEMA || typeof kind !== 'string' || typeof workspace !== 'string') {
    return null;
  }
  return {
    workspace,
    kind,
    name: typeof name === 'string' ? name : ''
  };
}

/** How long a fetch under way may take before a change no longer waits for its end. */
const PATIENCE_MS = 10_000;

/** What is to be asked again. `only`: of it, the queries that were under way when the others were asked. */
interface Waiting {
  readonly queryKey: Touched;
  readonly sinceMs: number;
  readonly only: ReadonlySet<string> | null;
}

/**
 * Keeps the queries of one `QueryClient` fresh. Hints arrive in bursts (a run logs a thousand points a
 * second), so the lists they touch are refetched at once and then at most once every `restMs`.
 */
export class Changes {
  /** By their names written out: each is asked again once. */
  private readonly waiting = new Map<string, Waiting>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private missed = false;
  private awake = true;

  constructor(
    private readonly queries: QueryClient,
    private readonly restMs = 500
  ) {}

  /** A hint came. Those of another workspace than the one shown mean that the server changed its own. */
  hint(hint: Hint): void {
    const shown = this.queries.getQueryData<Workspace>(['workspace']);
    if (shown && hint.workspace && hint.workspace !== shown.id) {
      this.all();
    } else {
      this.touch(touchedBy(hint));
    }
  }

  /** Refetch everything: nobody knows what changed. */
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

  private touch(some: readonly Touched[]): void {
    if (!some.length) {
      return;
    }
    if (!this.awake) {
      this.missed = true;
      return;
    }
    for (const queryKey of some) {
      const name = queryKey.join('\n');
      const sinceMs = this.waiting.get(name)?.sinceMs ?? Date.now();
      this.waiting.set(name, { queryKey, sinceMs, only: null });
    }
    if (this.timer === null) {
      this.flush();
    }
  }

  private flush(): void {
    const some = [...this.waiting];
    this.waiting.clear();
    for (const [name, one] of some) {
      const late = this.ask(one);
      if (late.size) {
        this.waiting.set(name, { ...one, only: late });
      }
    }
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.waiting.size) {
        this.flush();
      }
    }, this.restMs);
  }

  /**
   * Refetch, and return which queries are to be refetched when their present fetch has ended: it may have read the
   * store before the change, but one that is cut short at every change would never show anything.
   */
  private ask({ queryKey, sinceMs, only }: Waiting): ReadonlySet<string> {
    const isPatient = Date.now() - sinceMs < PATIENCE_MS;
    const late = new Set<string>();
    const predicate = (query: Query): boolean => {
      if (only && !only.has(query.queryHash)) {
        return false;
      }
      if (isPatient && query.state.fetchStatus === 'fetching') {
        late.add(query.queryHash);
        return false;
      }
      return true;
    };
    const found = new Set(this.queries.getQueryCache().findAll({ queryKey, predicate }));
    void this.queries.invalidateQueries(
      { queryKey, predicate: query => found.has(query) },
      { cancelRefetch: true }
    );
    return late;
  }
}
