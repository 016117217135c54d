import { fireEvent, screen } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';

import { giveCanvas } from '../testing/canvas';
import { HandServer } from '../testing/server';
import { show } from '../testing/session';
import { readDiff, tally } from './difflines';
import { KeptDrive } from './drive';
import { chartType, kindOf, readSeparated, readTable } from './kinds';
import { keyed, openAtFirst, rowsOf, typedTo } from './model';
import { readNotebook } from './notebook';
import { drivePath, readPath } from './paths';
import { FileTree } from './tree';

const FILES = ['b.py', 'a/x10.py', 'a/x9.py', 'a/deep/z.py'].map(path => ({ path, nBytes: 5 }));

describe('a tree of files', () => {
  it('has folders first, in the order of their numbers', () => {
    const rows = rowsOf(FILES, openAtFirst(FILES), '');
    expect(rows.map(row => `${row.level} ${row.name}`)).toEqual([
      '1 a',
      '2 deep',
      '3 z.py',
      '2 x9.py',
      '2 x10.py',
      '1 b.py'
    ]);
    expect(rowsOf(FILES, new Set(), '').map(row => row.name)).toEqual(['a', 'b.py']);
    expect(rowsOf(FILES, new Set(), 'DEEP z').map(row => row.name)).toEqual(['a/deep/z.py']);
  });

  it('is walked by keyboard', () => {
    const rows = rowsOf(FILES, new Set(['a']), '');
    expect(keyed('ArrowRight', rows, 0)).toEqual({ to: 1 });
    expect(keyed('ArrowRight', rows, 1)).toEqual({ toggle: 'a/deep' });
    expect(keyed('ArrowLeft', rows, 2)).toEqual({ to: 0 });
    expect(keyed('q', rows, 0)).toBeNull();
  });

  it('goes to the name that is typed, and by one letter from name to name', () => {
    const rows = rowsOf(FILES, new Set(['a']), ''); // a, deep, x9.py, x10.py, b.py
    expect([typedTo(rows, 0, 'x'), typedTo(rows, 2, 'xx'), typedTo(rows, 3, 'xxx')]).toEqual([2, 3, 2]);
    expect([typedTo(rows, 3, 'X1'), typedTo(rows, 0, 'x10'), typedTo(rows, 1, 'q')]).toEqual([3, 3, 1]);
    expect(typedTo([], 0, 'x')).toBe(0);
  });

  it('of 20,000 files is made in a moment', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ path: `d${i % 100}/f${i}.py`, nBytes: 1 }));
    const began = performance.now();
    expect(rowsOf(many, openAtFirst(many), '')).toHaveLength(100);
    expect(performance.now() - began).toBeLessThan(500);
  });

  describe('on the page', () => {
    beforeAll(() => {
      giveCanvas();
      Object.defineProperty(HTMLElement.prototype, 'offsetHeight', { configurable: true, get: () => 400 });
      Object.defineProperty(HTMLElement.prototype, 'offsetWidth', { configurable: true, get: () => 300 });
    });

    it('chooses at a click and opens at a double click or Enter', async () => {
      const said: string[] = [];
      show(
        <FileTree
          files={FILES}
          label="Files"
          chosen="b.py"
          onChoose={path => said.push(`choose ${path}`)}
          onOpen={path => said.push(`open ${path}`)}
        />
      );
      const row = await screen.findByRole('treeitem', { name: /x9\.py/ });
      fireEvent.click(row);
      fireEvent.doubleClick(row);
      fireEvent.keyDown(screen.getByRole('tree', { name: 'Files' }), { key: 'Enter' });
      expect(said).toEqual(['choose a/x9.py', 'open a/x9.py', 'open a/x9.py']);
    });
  });
});

describe('what a file is', () => {
  it.each([
    ['a/b.PNG', 'image'],
    ['report.html', 'html'],
    ['Dockerfile', 'text'],
    ['x.parquet', 'other'],
    ['.gitignore', 'text']
  ])('is known of %s', (path, kind) => expect(kindOf(path)).toBe(kind));

  it('is a chart by its schema or its name', () => {
    expect(chartType('x.json', { $schema: 'https://vega.github.io/schema/vega-lite/v5.json' })).toBe(
      'application/vnd.vegalite.v5+json'
    );
    expect(chartType('display-1.plotly.json', {})).toBe('application/vnd.plotly.v1+json');
    expect(chartType('x.json', { $schema: 3 })).toBeNull();
  });

  it('is a table where it has columns and rows', () => {
    expect(readTable({ columns: ['a'], data: [['x'], [null]] })?.rows).toEqual([['x'], ['null']]);
    expect(readTable({ columns: 1 })).toBeNull();
    expect(readSeparated('a,b\r\n"x, ""y""",2\n', ',')).toEqual({
      columns: ['a', 'b'],
      rows: [['x, "y"', '2']],
      nRows: 1
    });
  });

  it('is a notebook of whatever form', () => {
    const cells = readNotebook(
      JSON.stringify({
        cells: [
          {
            cell_type: 'code',
            source: ['a\n', 'b'],
            outputs: [{ output_type: 'stream', name: 'stderr', text: ['oh'] }]
          },
          {
            cell_type: 'code',
            source: 'x',
            outputs: [{ output_type: 'error', ename: 'E', evalue: 'v', traceback: [] }]
          }
        ]
      })
    );
    expect(cells?.[0]).toMatchObject({
      source: 'a\nb',
      outputs: [{ 'application/vnd.jupyter.stderr': 'oh' }]
    });
    expect(cells?.[1]?.outputs).toEqual([{ 'application/vnd.jupyter.stderr': 'E: v' }]);
    expect(readNotebook('{}')).toBeNull();
  });
});

describe('a diff', () => {
  it('has the numbers of its lines on both sides', () => {
    const lines = readDiff(
      '--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n--- b\n+++ c\n d\n\\ No newline at end of file\n'
    );
    expect(lines.map(line => [line.kind, line.before, line.after, line.text])).toEqual([
      ['place', null, null, '@@ -1,3 +1,3 @@'],
      ['same', 1, 1, 'a'],
      ['removed', 2, null, '-- b'],
      ['added', null, 2, '++ c'],
      ['same', 3, 3, 'd'],
      ['place', null, null, '\\ No newline at end of file']
    ]);
    expect(tally(lines)).toEqual({ added: 1, removed: 1 });
  });
});

describe('the drive', () => {
  const server = new HandServer();
  const drive = new KeptDrive(
    server.settings,
    () => Promise.resolve(server.client),
    'Nothing is changed here.'
  );

  it('reads files of snapshots and runs, and writes none', async () => {
    expect(readPath('snapshots/abc/lib/ü.py')).toEqual({ of: 'snapshots', ref: 'abc', path: 'lib/ü.py' });
    expect(readPath('elsewhere/abc/x')).toBeNull();
    expect(drivePath({ of: 'runs', ref: 'r1', path: 'a/b.txt' })).toBe('mlops:runs/r1/a/b.txt');
    server.answers.set('snapshots/abc/files/nb.ipynb', () => ({ cells: [] }));
    const model = await drive.get('snapshots/abc/nb.ipynb', { content: true, type: 'notebook' });
    expect(model).toMatchObject({
      writable: false,
      format: 'json',
      content: { cells: [] },
      name: 'nb.ipynb'
    });
    await expect(drive.save()).rejects.toThrow('Nothing is changed here.');
    expect(await drive.getDownloadUrl('runs/r1/a b.txt')).toBe(
      'http://lab.example/user/x/mlops/api/runs/r1/artifacts/a%20b.txt'
    );
  });
});
