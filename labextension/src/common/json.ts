/** JSON as a person reads it. */

/** Longest array of plain values that stays on one line. */
const LINE = 88;

/**
 * JSON for a person: objects over lines, and arrays of plain values on one line where they fit, so that a row of
 * a table is a row.
 */
export function pretty(value: unknown, indent = ''): string {
  const plain = JSON.stringify(value);
  if (typeof value !== 'object' || value === null) {
    return plain;
  }
  const isFlat = Object.values(value).every(one => typeof one !== 'object' || one === null);
  if (isFlat && indent.length + plain.length <= LINE) {
    return plain.length <= 2 ? plain : spaced(value);
  }
  const deeper = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map(one => pretty(one, deeper))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${pretty(one, deeper)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
}

function spaced(value: object): string {
  return Array.isArray(value)
    ? `[${value.map(one => JSON.stringify(one)).join(', ')}]`
    : `{${Object.entries(value)
        .map(([name, one]) => `${JSON.stringify(name)}: ${JSON.stringify(one)}`)
        .join(', ')}}`;
}
