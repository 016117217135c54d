/** A notebook to be read: its cells and outputs, drawn as those of one that is not trusted. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { Rendered } from '../common/rendered';
import { CodeText } from './preview';

type Bundle = Readonly<Record<string, string | object>>;

export interface Cell {
  readonly type: 'code' | 'markdown' | 'raw';
  readonly source: string;
  readonly count: number | null;
  readonly outputs: readonly Bundle[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Read a notebook of format 4; null for anything else. */
export function readNotebook(text: string): readonly Cell[] | null {
  try {
    const { cells } = JSON.parse(text) as { cells?: unknown };
    return Array.isArray(cells) ? cells.map(cell => readCell(cell as Fields)) : null;
  } catch {
    return null;
  }
}

function readCell(cell: Fields): Cell {
  const { cell_type: type, execution_count: count, outputs } = cell;
  return {
    type: type === 'markdown' || type === 'raw' ? type : 'code',
    source: joined(cell.source),
    count: typeof count === 'number' ? count : null,
    outputs: Array.isArray(outputs) ? outputs.map(output => readOutput(output as Fields)) : []
  };
}

function readOutput(output: Fields): Bundle {
  switch (output.output_type) {
    case 'stream':
      return {
        [output.name === 'stderr' ? 'application/vnd.jupyter.stderr' : 'application/vnd.jupyter.stdout']:
          joined(output.text)
      };
    case 'error': {
      const lines = Array.isArray(output.traceback) ? output.traceback.map(String) : [];
      return {
        'application/vnd.jupyter.stderr':
          lines.join('\n') || `${String(output.ename)}: ${String(output.evalue)}`
      };
    }
    default:
      return Object.fromEntries(
        Object.entries((output.data ?? {}) as Fields).map(([mime, value]) => [
          mime,
          Array.isArray(value) && value.every(line => typeof line === 'string')
            ? value.join('')
            : (value as object)
        ])
      );
  }
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : typeof text === 'string' ? text : '';
}

export function Notebook({ cells }: { readonly cells: readonly Cell[] }): JSX.Element {
  return (
    <div className="jp-Mlops-notebook">
      {cells.map((cell, i) => (
        <CellView key={i} cell={cell} />
      ))}
    </div>
  );
}

function CellView({ cell }: { readonly cell: Cell }): JSX.Element {
  const text = useMemo(() => ({ 'text/markdown': cell.source }), [cell.source]);
  if (cell.type === 'markdown') {
    return <Rendered data={text} />;
  }
  return (
    <div className="jp-Mlops-notebookCell">
      <span className="jp-Mlops-notebookCount" aria-hidden="true">{`[${cell.count ?? ' '}]:`}</span>
      <div>
        <CodeText text={cell.source} language={cell.type === 'code' ? 'python' : ''} />
        {cell.outputs.map((output, i) => (
          <Rendered key={i} data={output as Readonly<Record<string, string>>} />
        ))}
      </div>
    </div>
  );
}
