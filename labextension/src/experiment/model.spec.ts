import { expect, it } from 'vitest';

import { columnsAsked } from './model';

it('columns are asked for by name, or with all others where no address holds their names', () => {
  expect(columnsAsked('metrics.auc')).toEqual({ columns: 'metrics.auc' });
  expect(columnsAsked('')).toEqual({ columns: '' });
  expect(columnsAsked(Array.from({ length: 200 }, (_, n) => `metrics.손실/${n}`).join(', '))).toEqual({});
});
