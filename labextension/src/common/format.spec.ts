import { describe, expect, it } from 'vitest';

import { age, dateOf, metric, moment, span, size, startedAgo } from './format';

describe('age', () => {
  it.each([
    [5, 'now'],
    [-3, 'now'], // a server whose clock is ahead
    [60, '1 min'],
    [3 * 3600 + 59, '3 h'],
    [2 * 86400, '2 d']
  ])('says how long ago %d seconds are', (ago, word) => {
    expect(age(1_000_000 - ago, 1_000_000)).toBe(word);
  });

  it('gives the date of what is over a month old', () => {
    expect(age(0, 1e9)).toBe(new Date(0).toLocaleDateString());
  });

  it.each([
    [5, 'started just now'],
    [300, 'started 5 min ago'],
    [90 * 86400, `started on ${new Date((2e9 - 90 * 86400) * 1000).toLocaleDateString()}`]
  ])('goes on in a sentence, %d seconds ago', (ago, sentence) => {
    expect(startedAgo(2e9 - ago, 2e9)).toBe(sentence);
  });

  it('is none of what was counted in nanoseconds', () => {
    expect(age(1.7e15, 1.7e9)).toBe('–');
    expect(dateOf(1.7e15)).toBeNull();
    expect(moment(1.7e15)).toContain('1700000000000000');
  });

  it('says of which time zone it is', () => {
    const zone =
      new Date(1.7e12).toLocaleString(undefined, { timeZoneName: 'short' }).split(' ').at(-1) ?? '';
    expect(moment(1.7e9)).toMatch(new RegExp(`2023.*${zone.replace('+', '\\+')}$`));
  });
});

describe('span', () => {
  it.each([
    [0.4213, '0.42 s'],
    [12.3, '12 s'],
    [185, '3 min 5 s'],
    [7800, '2 h 10 min'],
    [47 * 3600, '47 h 0 min'],
    [9 * 86400 + 3 * 3600, '9 d 3 h']
  ])('writes %d seconds', (seconds, text) => {
    expect(span(seconds)).toBe(text);
  });
});

describe('metric', () => {
  it.each([
    [0.97123, '0.9712'],
    [3, '3'],
    [0, '0'],
    [-0.5, '-0.5'],
    [1234567.8, '1.23e+6'],
    [11689512, '11689512'],
    [-0, '0'],
    [1e9, '1e+9'],
    [1.5e300, '1.5e+300'],
    [0.00001234, '1.23e-5'],
    ['NaN', 'NaN'],
    ['-Infinity', '-Infinity']
  ] as const)('writes %s', (value, text) => {
    expect(metric(value)).toBe(text);
  });
});

it('writes sizes in decimal units', () => {
  expect([0, 999, 1234, 123_456, 5e9, 2e12].map(size)).toEqual([
    '0 B',
    '999 B',
    '1.2 kB',
    '123 kB',
    '5.0 GB',
    '2.0 TB'
  ]);
});
