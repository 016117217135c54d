/** Whether the server can be asked at all: what every part of every panel would say otherwise, each for itself. */

import type { Query, QueryClient } from '@tanstack/react-query';

import { isTopic } from './changes';
import { asApiError, OF_SERVER } from './errors';
import type { ApiError } from './errors';

/** What keeps the page from the server, or null; to be subscribed to. */
export class Away {
  private error: ApiError | null = null;
  /** Those that were refused: while there are none, nobody need look at all that were answered. */
  private readonly failed = new Set<Query>();

  constructor(private readonly queries: QueryClient) {
    queries.getQueryCache().subscribe(event => {
      const query = event.query as Query;
      if (event.type === 'removed' || query.state.error === null) {
        this.failed.delete(query);
      } else {
        this.failed.add(query);
      }
    });
  }

  readonly subscribe = (listener: () => void): (() => void) =>
    this.queries.getQueryCache().subscribe(listener);

  readonly snapshot = (): ApiError | null => {
    if (this.failed.size || this.error) {
      this.error = awayOf(this.queries.getQueryCache().getAll(), this.error);
    }
    return this.error;
  };
}

/** Return the error that stands for those of all queries, if theirs is the server's; `before` is what it was. */
function awayOf(all: readonly Query[], before: ApiError | null): ApiError | null {
  const active = all.filter(query => isTopic(query.queryKey[0]) && query.isActive());
  const answeredMs = Math.max(0, ...active.map(({ state }) => state.dataUpdatedAt));
  const isAnswered = active.some(({ state }) => state.status === 'success');
  for (const { state } of active) {
    const error = state.error && asApiError(state.error);
    // One part alone may be refused, or unknown to a server of another version: then that part says so.
    const isWhole = error?.kind === 'unreachable' ? state.errorUpdatedAt >= answeredMs : !isAnswered;
    if (error && OF_SERVER.includes(error.kind) && isWhole) {
      return before?.message === error.message ? before : error;
    }
  }
  // While it is asked again nothing is known yet.
  const isAsking = active.some(({ state }) => state.status === 'pending' && state.errorUpdateCount > 0);
  return isAsking && !isAnswered ? before : null;
}
