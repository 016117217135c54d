/** A filter as it is typed: what kind it is, and what could come next. The server reads it; here it is only looked at. */

import type { FieldKind, RunFields } from '../../api/types';

/** Nothing, words to be found in names and values, or an expression of the `--where` language. */
export type FilterKind = 'empty' | 'words' | 'where';

const OPERATOR = /[=<>]|\s(?:not\s+)?(?:in\s*\(|i?like\s|is\s+(?:not\s+)?null\b)/i;
const FIELD_BEGUN = /^\s*(?:\(|not\s)*\s*(?:metrics|params|tags)\./;

/** Words have no operators; what begins as a metric, a parameter or a tag is an expression that is not finished. */
export function kindOf(text: string): FilterKind {
  if (!text.trim()) {
    return 'empty';
  }
  return OPERATOR.test(text) || FIELD_BEGUN.test(text) ? 'where' : 'words';
}

/** What of a filter the server is asked for; nothing where there is none. */
export function asked(text: string): { readonly where?: string; readonly words?: string } {
  switch (kindOf(text)) {
    case 'empty':
      return {};
    case 'words':
      return { words: text.trim() };
    case 'where':
      return { where: text };
  }
}

type TokenKind = 'begun' | 'field' | 'word' | 'op' | 'mark' | 'text' | 'number' | 'open';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** As `core/wherelex.py` has them; `begun` and `open` have a quote that is not closed yet. */
const TOKEN =
  /(?<begun>[A-Za-z_]\w*\.(?:`[^`]*|"[^"]*)$)|(?<field>[A-Za-z_]\w*\.(?:`[^`]*`|"[^"]*"|[\w.\-/@:]*))|(?<word>[A-Za-z_]\w*)|(?<op>!=|<>|<=|>=|==|=|<|>)|(?<mark>[(),])|(?<text>'(?:[^']|'')*'(?!')|"(?:[^"]|"")*"(?!"))|(?<number>[+-]?[\d.][\w.:+-]*|[+-]inf\b)|(?<open>['"].*|\S)/sy;

function tokensOf(text: string): readonly Token[] {
  const found: Token[] = [];
  let at = 0;
  let match: RegExpExecArray | null;
  do {
    at = text.length - text.slice(at).trimStart().length;
    TOKEN.lastIndex = at;
    match = TOKEN.exec(text);
    if (!match) {
      break;
    }
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    const kind = Object.keys(groups).find(name => groups[name] !== undefined) as TokenKind;
    found.push({ kind, text: match[0], start: at, end: at + match[0].length });
    at += match[0].length;
  } while (at < text.length);
  return found;
}

/** What can come next in an expression. */
type Expected = 'field' | 'op' | 'null' | 'value' | 'list' | 'item' | 'comma' | 'after';

interface State {
  readonly expected: Expected;
  /** The field that is compared. */
  readonly field: string;
}

function step({ expected, field }: State, token: Token): State {
  const word = token.text.toLowerCase();
  switch (expected) {
    case 'field':
      return word === 'not' || word === '(' ? { expected, field } : { expected: 'op', field: token.text };
    case 'op':
      if (word === 'not') {
        return { expected, field };
      }
      return { expected: word === 'is' ? 'null' : word === 'in' ? 'list' : 'value', field };
    case 'null':
      return { expected: word === 'not' ? 'null' : 'after', field };
    case 'list':
      return { expected: 'item', field };
    case 'item':
      return { expected: 'comma', field };
    case 'comma':
      return { expected: word === ',' ? 'item' : 'after', field };
    case 'value':
      return { expected: 'after', field };
    case 'after':
      return { expected: word === 'and' || word === 'or' ? 'field' : 'after', field };
  }
}

/** What could be put in the place of the last characters before the caret. */
export interface Option {
  readonly insert: string;
  /** What kind of thing it is, in a word. */
  readonly about: 'metric' | 'parameter' | 'tag' | 'field' | 'operator' | 'value' | 'word';
}

/** Where the caret is in a filter. */
export interface Caret {
  readonly expected: Expected;
  /** The field whose values are asked for. */
  readonly field: string;
  /** What is typed of the next thing, from `start` on. */
  readonly partial: string;
  readonly start: number;
}

export function caretAt(text: string, caret: number): Caret {
  const before = text.slice(0, caret);
  const tokens = [...tokensOf(before)];
  const final = tokens.at(-1);
  const isPartial =
    final?.end === before.length &&
    (['begun', 'field', 'word', 'number', 'open'].includes(final.kind) ||
      (final.kind === 'op' && final.text === '!'));
  if (isPartial) {
    tokens.pop();
  }
  const { expected, field } = tokens.reduce(step, { expected: 'field', field: '' });
  return isPartial
    ? { expected, field, partial: final.text, start: final.start }
    : { expected, field, partial: '', start: before.length };
}

const OPERATORS: Readonly<Record<FieldKind, readonly string[]>> = {
  any: ['=', '!=', 'like', 'ilike', 'in', '<', '<=', '>', '>=', 'is null', 'is not null'],
  text: ['=', '!=', 'like', 'ilike', 'in', 'is null', 'is not null'],
  number: ['>', '>=', '<', '<=', '=', '!=', 'is null', 'is not null'],
  time: ['>', '<', '>=', '<='],
  duration: ['>', '<', '>=', '<=', 'is null', 'is not null'],
  status: ['=', '!=', 'in']
};
const EXAMPLES: Readonly<Partial<Record<FieldKind, readonly string[]>>> = {
  time: ['-1h', '-1d', '-7d', '-30d'],
  duration: ['30s', '5m', '1h'],
  number: ['0.5', '0.9', 'nan', 'inf']
};
const MOST_OPTIONS = 50;

/** The kind of what a field holds: `any` for parameters and tags. */
export function kindOfField(field: string, fields: RunFields): FieldKind {
  if (field.includes('.')) {
    return field.startsWith('metrics.') ? 'number' : 'any';
  }
  return fields.fields[field] ?? 'any';
}

/** Whether what can come next are values that the server knows. */
export function wantsValues({ expected, field }: Caret, fields: RunFields): boolean {
  return (
    (expected === 'value' || expected === 'item') &&
    ['any', 'text', 'status'].includes(kindOfField(field, fields))
  );
}

/** The beginning of a value without its quote, for the server. */
export function valueBegun({ partial }: Caret): string {
  return partial.replace(/^['"]/, '');
}

/** What could come next, best first; `values` are those of the field that is compared. */
export function optionsAt(caret: Caret, fields: RunFields, values: readonly string[]): readonly Option[] {
  switch (caret.expected) {
    case 'field':
      return fieldOptions(caret.partial, fields);
    case 'op': {
      const known = OPERATORS[kindOfField(caret.field, fields)];
      return matching(known, caret.partial, 'operator');
    }
    case 'null':
      return matching(['null', 'not null'], caret.partial, 'operator');
    case 'list':
      return caret.partial ? [] : [{ insert: '(', about: 'operator' }];
    case 'comma':
      return matching([',', ')'], caret.partial, 'operator');
    case 'after':
      return matching(['and', 'or'], caret.partial, 'word');
    case 'value':
    case 'item': {
      if (wantsValues(caret, fields)) {
        return values.slice(0, MOST_OPTIONS).map(value => ({ insert: written(value), about: 'value' }));
      }
      return matching(EXAMPLES[kindOfField(caret.field, fields)] ?? [], caret.partial, 'value');
    }
  }
}

function matching(known: readonly string[], partial: string, about: Option['about']): readonly Option[] {
  const begun = partial.toLowerCase();
  return known.filter(one => one.startsWith(begun) && one !== begun).map(insert => ({ insert, about }));
}

const PLAIN_KEY = /^[\w.\-/@:]+$/;

/** A field as the language writes it: odd names are quoted. */
export function fieldName(group: 'metrics' | 'params' | 'tags', key: string): string {
  return PLAIN_KEY.test(key)
    ? `${group}.${key}`
    : `${group}.${key.includes('`') ? `"${key}"` : `\`${key}\``}`;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$/;

/** A value as the language writes it; what reads as a number is compared as one. */
function written(value: string): string {
  return NUMBER.test(value) ? value : `'${value.replaceAll("'", "''")}'`;
}

function fieldOptions(partial: string, fields: RunFields): readonly Option[] {
  const typed = partial.replace(/[`"]/g, '').toLowerCase();
  const ranked: { readonly option: Option; readonly rank: number }[] = [];
  const offer = (insert: string, key: string, about: Option['about'], later: number): void => {
    const [whole, name] = [insert.replace(/[`"]/g, '').toLowerCase(), key.toLowerCase()];
    const begins = whole.startsWith(typed) || name.startsWith(typed);
    if ((begins || whole.includes(typed)) && insert !== partial) {
      ranked.push({ option: { insert, about }, rank: (begins ? 0 : 10) + later });
    }
  };
  fields.metrics.forEach(key =>
    offer(fieldName('metrics', key), key, 'metric', key.startsWith('system/') ? 4 : 1)
  );
  fields.params.forEach(key => offer(fieldName('params', key), key, 'parameter', 2));
  Object.keys(fields.fields).forEach(key => offer(key, key, 'field', typed ? 0 : 3));
  fields.tags.forEach(key => offer(fieldName('tags', key), key, 'tag', key.startsWith('ml') ? 6 : 5));
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MOST_OPTIONS)
    .map(({ option }) => option);
}

/** The text with an option put in, and where the caret is then. */
export function accept(
  text: string,
  caret: number,
  { start }: Caret,
  { insert }: Option
): { readonly text: string; readonly caret: number } {
  const rest = text.slice(caret);
  const gap = insert === '(' || rest.startsWith(' ') ? '' : ' ';
  const head = text.slice(0, start);
  // An operator that is a word would else grow together with its field.
  const glue = head && !/[\s(]$/.test(head) && /^[a-z]/.test(insert) ? ' ' : '';
  const before = head + glue + insert + gap;
  return { text: before + rest, caret: before.length };
}
