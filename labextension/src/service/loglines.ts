/** Lines of a service's log: read, put together while they are followed, chosen and searched. */

export type Level = 'info' | 'warning' | 'error';

export interface LogLine {
  /** As it came; also its identity, since the server gives lines whole. */
  readonly raw: string;
  /** Seconds since the epoch; 0 where no time is known. */
  readonly at: number;
  readonly level: Level;
  readonly replica: string;
  readonly deployment: string;
  /** What it says, for a person. */
  readonly text: string;
  readonly status: number | null;
  /** Lines before it are not here: more were written than are told at once. */
  readonly isAfterGap: boolean;
}

/** How many lines are asked for, and told, at once. */
export const TAIL = 1000;
/** How many lines are kept in the page. */
export const MOST_LINES = 5000;

export function readLine(raw: string): LogLine {
  const line = parse(raw);
  const level = line.level === 'error' || line.level === 'warning' ? line.level : 'info';
  return {
    raw,
    at: typeof line.at === 'number' ? line.at : 0,
    level,
    replica: text(line.replica),
    deployment: text(line.deployment),
    text: wording(line, raw),
    status: typeof line.status === 'number' ? line.status : null,
    isAfterGap: false
  };
}

/** Add lines that came later to those that are known: among them may be some that are known. */
export function withLines(known: readonly LogLine[], came: readonly string[]): readonly LogLine[] {
  const seen = new Map<string, number>();
  for (const { raw } of known) {
    seen.set(raw, (seen.get(raw) ?? 0) + 1);
  }
  const fresh: LogLine[] = [];
  for (const raw of came) {
    const n = seen.get(raw) ?? 0;
    if (n) {
      seen.set(raw, n - 1);
    } else {
      fresh.push(readLine(raw));
    }
  }
  const [first, ...others] = fresh;
  if (!first) {
    return known;
  }
  const isAfterGap = known.length > 0 && fresh.length >= TAIL;
  return [...known, { ...first, isAfterGap }, ...others].slice(-MOST_LINES);
}

const RANK: Readonly<Record<Level, number>> = { info: 0, warning: 1, error: 2 };

/** Return the lines of a level and above that hold every word. */
export function chosen(lines: readonly LogLine[], least: Level, search: string): readonly LogLine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (line: LogLine): boolean => {
    if (RANK[line.level] < RANK[least]) {
      return false;
    }
    const all = words.length ? line.raw.toLowerCase() : '';
    return words.every(word => all.includes(word));
  };
  const found: LogLine[] = [];
  let isAfterGap = false; // a gap is one before whatever is left after it
  for (const line of lines) {
    isAfterGap ||= line.isAfterGap;
    if (fits(line)) {
      found.push(line.isAfterGap === isAfterGap ? line : { ...line, isAfterGap });
      isAfterGap = false;
    }
  }
  return found;
}

function parse(raw: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const SHOWN_APART = new Set(['at', 'level', 'replica', 'deployment', 'message', 'stack', 'hint']);

/** A request's line is `POST`-like facts in a row; a replica's own is its message, what it adds, and a stack below. */
function wording(line: Readonly<Record<string, unknown>>, raw: string): string {
  if (typeof line.route === 'string' && typeof line.status === 'number') {
    const ms = typeof line.ms === 'number' ? ` ${line.ms} ms` : '';
    const id = typeof line.id === 'string' ? ` ${line.id}` : '';
    return `${line.status} ${line.route}${ms}${id}`;
  }
  if (typeof line.message !== 'string') {
    return raw;
  }
  const more = Object.entries(line)
    .filter(([name]) => !SHOWN_APART.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const below = [line.hint, line.stack].filter(part => typeof part === 'string' && part);
  return [[line.message, ...more].join(' '), ...below].join('\n');
}
