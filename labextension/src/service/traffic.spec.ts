import { describe, expect, it } from 'vitest';

import { moved, sameWeights } from './traffic';

describe('weights', () => {
  it('sum to 100 whichever is moved wherever', () => {
    let weights: Readonly<Record<string, number>> = { a: 34, b: 33, c: 33, d: 0 };
    for (let step = 0; step < 500; step++) {
      weights = moved(weights, 'abcd'[step % 4] ?? 'a', (step * 37) % 101);
      expect(Object.values(weights).reduce((all, one) => all + one, 0)).toBe(100);
      expect(Object.values(weights).every(one => Number.isInteger(one) && one >= 0)).toBe(true);
    }
  });

  it('of the others keep their proportions', () => {
    expect(moved({ a: 60, b: 30, c: 10 }, 'a', 20)).toEqual({ a: 20, b: 60, c: 20 });
  });

  it('go to the others in equal parts where they had nothing', () => {
    expect(moved({ a: 100, b: 0, c: 0 }, 'a', 90)).toEqual({ a: 90, b: 5, c: 5 });
  });

  it('stay within 0 and 100, and a deployment alone has all', () => {
    expect(moved({ a: 50, b: 50 }, 'a', 250)).toEqual({ a: 100, b: 0 });
    expect(moved({ a: 50, b: 50 }, 'a', -3)).toEqual({ a: 0, b: 100 });
    expect(moved({ a: 50, b: 50 }, 'a', NaN)).toEqual({ a: 0, b: 100 });
    expect(moved({ a: 100 }, 'a', 20)).toEqual({ a: 100 });
  });

  it('are the same whatever their order', () => {
    expect(sameWeights({ a: 1, b: 99 }, { b: 99, a: 1 })).toBe(true);
    expect(sameWeights({ a: 1, b: 99 }, { a: 1, c: 99 })).toBe(false);
  });
});
