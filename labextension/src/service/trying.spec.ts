import { describe, expect, it } from 'vitest';

import { pretty } from '../common/json';
import { asCsv, jsonFault, prettyText } from './trying';

describe('JSON', () => {
  it('is told where it breaks off', () => {
    expect(jsonFault('{"a": 1}')).toBeNull();
    expect(jsonFault('{\n  "a": 1,\n  b\n}')).toMatchObject({ line: 3, column: 3 });
    expect(jsonFault('{"a": [1, 2')).toMatchObject({ line: 1 });
    expect(jsonFault('')).not.toBeNull();
  });

  it('is pretty with a row of numbers on a line', () => {
    expect(
      pretty({
        columns: ['a', 'b'],
        data: [
          [1, 2.5],
          [3, null]
        ]
      })
    ).toBe('{\n  "columns": ["a", "b"],\n  "data": [\n    [1, 2.5],\n    [3, null]\n  ]\n}');
    expect(pretty([])).toBe('[]');
    expect(pretty({ a: 'x"y' })).toBe('{"a": "x\\"y"}');
    expect(pretty('text')).toBe('"text"');
  });

  it('means the same when it is pretty', () => {
    const value = { a: [Array.from({ length: 60 }, (_, n) => n / 3), { b: [true, null, 'ü'] }], c: {} };
    expect(JSON.parse(pretty(value))).toEqual(value);
  });

  it('leaves what is none as it is', () => {
    expect(prettyText('a,b\n1,2')).toBe('a,b\n1,2');
  });
});

describe('CSV', () => {
  it('is made of tables in whatever form', () => {
    const csv = 'a,b\n1,x\n2,"y, ""z"""';
    expect(
      asCsv({
        dataframe_split: {
          columns: ['a', 'b'],
          data: [
            [1, 'x'],
            [2, 'y, "z"']
          ]
        }
      })
    ).toBe(csv);
    expect(
      asCsv({
        data: [
          { a: 1, b: 'x' },
          { a: 2, b: 'y, "z"' }
        ]
      })
    ).toBe(csv);
    expect(asCsv({ data: { a: [1, 2], b: ['x', 'y, "z"'] } })).toBe(csv);
  });

  it('is not made of anything else', () => {
    expect([asCsv('text'), asCsv({ inputs: [[1, 2]] }), asCsv(null), asCsv([])]).toEqual([
      null,
      null,
      null,
      null
    ]);
  });
});
