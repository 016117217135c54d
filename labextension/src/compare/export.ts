/** Tables as CSV and Markdown, and what hands a file to the browser's downloads. */

import { shorten } from './model';

export type Field = string | number | undefined;

/**
 * Return rows as CSV (RFC 4180, with a byte order mark: without it spreadsheets take Korean for Latin-1).
 *
 * What runs stored is anyone's: a text that a spreadsheet would take for a formula is written with an
 * apostrophe before it, as spreadsheets do themselves. Numbers and their signs are left alone.
 */
export function csv(rows: readonly (readonly Field[])[]): string {
  return '\ufeff' + rows.map(row => row.map(csvField).join(',') + '\r\n').join('');
}

function csvField(field: Field): string {
  if (field === undefined) {
    return '';
  }
  const text = String(field);
  const guarded = /^[=+\-@\t\r]/.test(text) && !/^[+-]?(\d|\.\d|Infinity$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

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

/** Hand a file to the browser's downloads. */
export function download(name: string, content: Blob | string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun, but the browser reads the address a moment later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
