/** How a file is shown, by its name and by what is in it. */

export type FileKind =
  'image' | 'html' | 'markdown' | 'json' | 'table' | 'notebook' | 'pdf' | 'latex' | 'text' | 'other';

const KINDS: Readonly<Record<string, FileKind>> = {
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  gif: 'image',
  webp: 'image',
  bmp: 'image',
  svg: 'image',
  html: 'html',
  htm: 'html',
  md: 'markdown',
  json: 'json',
  csv: 'table',
  tsv: 'table',
  ipynb: 'notebook',
  pdf: 'pdf',
  tex: 'latex'
};
const IMAGES: Readonly<Record<string, string>> = { svg: 'image/svg+xml', jpg: 'image/jpeg' };
const LANGUAGES: Readonly<Record<string, string>> = {
  py: 'python',
  js: 'javascript',
  ts: 'typescript',
  r: 'r',
  jl: 'julia',
  sql: 'sql',
  sh: 'bash',
  yml: 'yaml',
  yaml: 'yaml',
  toml: 'toml',
  java: 'java',
  cs: 'csharp',
  xml: 'xml',
  css: 'css',
  diff: 'diff',
  patch: 'diff'
};
const PROSE = /^(txt|log|cfg|ini|conf|env|lock|jsonl|rst|in|gitignore|dockerfile|makefile|license|readme)$/;

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return name.slice(name.lastIndexOf('.') + 1);
}

export function kindOf(path: string): FileKind {
  const ending = extension(path);
  return KINDS[ending] ?? (LANGUAGES[ending] !== undefined || PROSE.test(ending) ? 'text' : 'other');
}

export function imageType(path: string): string {
  const ending = extension(path);
  return IMAGES[ending] ?? `image/${ending}`;
}

/** The language to colour a text in; empty for none. */
export function languageOf(path: string): string {
  return LANGUAGES[extension(path)] ?? '';
}

/** How many bytes of a kind are fetched to be shown; what is larger is for downloading. */
export function mostBytes(kind: FileKind): number {
  return kind === 'image' || kind === 'html' || kind === 'pdf' || kind === 'notebook' ? 30e6 : 3e6;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly nRows: number;
}

const MOST_ROWS = 500;

/** Read a table as MLflow stores one (`{"columns": [...], "data": [[...]]}`); null for other JSON. */
export function readTable(data: unknown): Table | null {
  const { columns, data: rows } = (data ?? {}) as { columns?: unknown; data?: unknown };
  if (!Array.isArray(columns) || !Array.isArray(rows) || !rows.every(row => Array.isArray(row))) {
    return null;
  }
  return {
    columns: columns.map(String),
    rows: rows.slice(0, MOST_ROWS).map((row: unknown[]) => row.map(cellText)),
    nRows: rows.length
  };
}

function cellText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Read comma- or tab-separated values, quoted or not. */
export function readSeparated(text: string, separator: string): Table {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const at = text[i];
    if (isQuoted) {
      if (at === '"' && text[i + 1] === '"') {
        cell += '"';
        i++;
      } else if (at === '"') {
        isQuoted = false;
      } else {
        cell += at ?? '';
      }
    } else if (at === '"' && cell === '') {
      isQuoted = true;
    } else if (at === separator) {
      row.push(cell);
      cell = '';
    } else if (at === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      row = [];
      cell = '';
    } else {
      cell += at ?? '';
    }
  }
  if (cell !== '' || row.length) {
    rows.push([...row, cell]);
  }
  const [columns = [], ...rest] = rows;
  return { columns, rows: rest.slice(0, MOST_ROWS), nRows: rest.length };
}

/** Return the MIME type that Lab's renderer of a chart wants for some JSON; null where it is none. */
export function chartType(path: string, data: unknown): string | null {
  const schema = (data as { $schema?: unknown } | null)?.$schema;
  const version = typeof schema === 'string' ? /vega(-lite)?\/v(\d)/.exec(schema) : null;
  if (version) {
    return version[1]
      ? `application/vnd.vegalite.v${version[2]}+json`
      : `application/vnd.vega.v${version[2]}+json`;
  }
  if (path.endsWith('vegalite.json') || path.endsWith('.vl.json')) {
    return 'application/vnd.vegalite.v5+json';
  }
  return path.endsWith('plotly.json') ? 'application/vnd.plotly.v1+json' : null;
}
