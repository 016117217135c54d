/** Tables as Markdown. */

import type { Field } from '../common/csv';
import { shorten } from './model';

/** Letters of a cell beyond which a Markdown table shows the beginning alone. */
const MOST_LETTERS = 120;

/** Return a table in GitHub's Markdown; the first row is its head, columns named by `numeric` are set right. */
export function markdown(rows: readonly (readonly Field[])[], numeric = false): string {
  const [head = [], ...body] = rows;
  const rule = head.map((_, index) => (index > 0 && numeric ? '---:' : '---'));
  return [head.map(markdownCell), rule, ...body.map(row => row.map(markdownCell))]
    .map(row => `| ${row.join(' | ')} |\n`)
    .join('');
}

function markdownCell(field: Field): string {
  return field === undefined ? '' : shorten(String(field), MOST_LETTERS).replace(/[\\|<>*_`[\]~]/g, '\\$&');
}
