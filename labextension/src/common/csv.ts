/** Tables as files for spreadsheets. */

export type Field = string | number | null | undefined;

/** What a spreadsheet would take for a formula: a run's name must not do anything on another person's machine. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+|Infinity)([eE][+-]?\d+)?$/;

/**
 * Return rows as CSV (RFC 4180, with a byte order mark: without it spreadsheets take Korean for Latin-1).
 *
 * A text that would be taken for a formula is written with an apostrophe before it, as spreadsheets do themselves.
 */
export function csv(rows: readonly (readonly Field[])[]): string {
  return '\uFEFF' + rows.map(row => row.map(csvField).join(',') + '\r\n').join('');
}

export function csvField(field: Field): string {
  if (field === undefined || field === null) {
    return '';
  }
  const text = String(field);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
