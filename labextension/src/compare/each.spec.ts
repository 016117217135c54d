import { QueryObserver } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';

import { makeQueryClient } from '../api/queries';
import { Batch, Following } from './each';

const IDS = Array.from({ length: 1000 }, (_, i) => `run${i}`);

function following(
  ask: (id: string) => Promise<string | null>,
  ids: readonly string[] = IDS,
  enabled = true
) {
  const queries = makeQueryClient();
  const made = new Following<string>(queries, ids, 'name', ask, enabled);
  return { made, queries };
}

describe('what is asked of each of a thousand runs', () => {
  it('is asked for in parts, looked at once for all that came, and shown at once', async () => {
    const parts: number[] = [];
    const batch = new Batch<string>(some => {
      parts.push(some.length);
      return Promise.resolve(new Map(some.map(id => [id, id.toUpperCase()])));
    });
    const { made } = following(id => batch.ask(id));
    const looks = vi.spyOn(QueryObserver.prototype, 'getCurrentQuery');
    const told = vi.fn();
    expect(made.snapshot()).toEqual({ values: new Map(), isLoading: true, error: null });
    const stop = made.subscribe(told);
    await vi.waitFor(() => expect(made.snapshot().isLoading).toBe(false));
    expect(parts).toEqual(Array.from({ length: 10 }, () => 100));
    expect(made.snapshot().values.size).toBe(1000);
    expect(made.snapshot().values.get('run7')).toBe('RUN7');
    expect(told).toHaveBeenCalledTimes(1);
    expect(looks.mock.calls.length).toBeLessThan(5 * IDS.length);
    looks.mockRestore();
    stop();
  });

  it('is there while some of it is long on its way', async () => {
    const slow = new Promise<string>(() => undefined);
    const { made } = following(id => (id === 'run3' ? slow : Promise.resolve(id)));
    const stop = made.subscribe(vi.fn());
    await vi.waitFor(() => expect(made.snapshot().values.size).toBe(999));
    expect(made.snapshot().isLoading).toBe(true);
    stop();
  });

  it('is asked again of the one that changed, and the same while nothing did', async () => {
    const ask = vi.fn((id: string) =>
      Promise.resolve(id === 'gone' ? null : `${id} ${ask.mock.calls.length}`)
    );
    const { made, queries } = following(ask, ['a', 'b', 'gone']);
    const stop = made.subscribe(vi.fn());
    await vi.waitFor(() => expect(made.snapshot().values.size).toBe(2));
    const before = made.snapshot();
    ask.mockClear();
    await queries.invalidateQueries({ queryKey: ['run', 'gone'] });
    expect(made.snapshot()).toBe(before);
    await queries.invalidateQueries({ queryKey: ['run', 'b'] });
    await vi.waitFor(() => expect(made.snapshot().values.get('b')).toBe('b 2'));
    expect(ask.mock.calls.map(([id]) => id)).toEqual(['gone', 'b']);
    stop();
  });

  it('is not asked while nobody looks, and says what went wrong', async () => {
    const ask = vi.fn((_: string) => Promise.reject<string>(new Error('no')));
    const hidden = following(ask, ['a'], false).made;
    hidden.subscribe(vi.fn())();
    expect(ask).not.toHaveBeenCalled();
    expect(hidden.snapshot().isLoading).toBe(false);
    const { made } = following(ask, ['a']);
    const stop = made.subscribe(vi.fn());
    await vi.waitFor(() => expect(made.snapshot().error).toEqual(new Error('no')));
    expect(made.snapshot().isLoading).toBe(false);
    stop();
  });
});
