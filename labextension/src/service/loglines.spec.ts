import { describe, expect, it } from 'vitest';

import { MOST_LINES, TAIL, chosen, readLine, withLines } from './loglines';

const request = JSON.stringify({
  replica: 'aa01',
  deployment: 'blue',
  at: 1763.25,
  level: 'warning',
  id: 'r-1',
  route: '/score',
  status: 422,
  ms: 0.9,
  bytes_in: 2,
  bytes_out: 3
});
const own = JSON.stringify({
  replica: 'bb02',
  deployment: 'green',
  at: 1764,
  level: 'error',
  message: 'It broke.',
  code: 'x',
  stack: 'Traceback'
});

describe('a line', () => {
  it('of a request tells status, route, time and id', () => {
    expect(readLine(request)).toMatchObject({
      text: '422 /score 0.9 ms r-1',
      level: 'warning',
      status: 422,
      deployment: 'blue'
    });
  });

  it('of a replica tells its message, with what it adds and the stack below', () => {
    expect(readLine(own).text).toBe('It broke. code=x\nTraceback');
  });

  it('that is no JSON is shown as it is', () => {
    expect(readLine('Segmentation fault')).toMatchObject({
      text: 'Segmentation fault',
      at: 0,
      level: 'info'
    });
  });
});

describe('following', () => {
  it('adds each line once, though the last moment is asked for again', () => {
    const known = withLines([], [request, own]);
    const third = JSON.stringify({ replica: 'bb02', at: 1764, level: 'info', message: 'next' });
    const now = withLines(known, [own, third]);
    expect(now.map(line => line.raw)).toEqual([request, own, third]);
    expect(withLines(now, [own, third])).toBe(now);
    expect(withLines(now, [])).toBe(now);
  });

  it('says where lines are missing because too many came at once, also when the first after them is filtered out', () => {
    const line = (n: number): string =>
      JSON.stringify({ at: n, level: n % 2 ? 'error' : 'info', message: `line ${n}` });
    const many = Array.from({ length: TAIL }, (_, n) => line(2 * n));
    expect(withLines([], many).some(one => one.isAfterGap)).toBe(false);
    const now = withLines(withLines([], [own]), [...many.slice(1), line(9999)]);
    expect(now.flatMap((one, at) => (one.isAfterGap ? [at] : []))).toEqual([1]);
    expect(chosen(now, 'error', '').map(one => one.isAfterGap)).toEqual([false, true]);
    expect(withLines(now, [line(10000)]).at(-1)?.isAfterGap).toBe(false);
  });

  it('keeps two equal lines of one moment', () => {
    expect(withLines(withLines([], [own, own]), [own, own, own])).toHaveLength(3);
  });

  it('keeps no more than a page can show', () => {
    const many = Array.from({ length: MOST_LINES + 10 }, (_, n) =>
      JSON.stringify({ at: n + 1, message: `${n}` })
    );
    expect(withLines([], many)).toHaveLength(MOST_LINES);
  });
});

it('lines are chosen by level and words, anywhere in what was written', () => {
  const lines = withLines([], [request, own]);
  expect(chosen(lines, 'error', '').map(line => line.replica)).toEqual(['bb02']);
  expect(chosen(lines, 'info', 'SCORE 422').map(line => line.replica)).toEqual(['aa01']);
  expect(chosen(lines, 'info', 'nothing')).toEqual([]);
});
