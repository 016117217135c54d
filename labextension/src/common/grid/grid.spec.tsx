import { fireEvent, render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import type { JSX } from 'react';
import { describe, expect, it } from 'vitest';

import { Grid } from './grid';
import type { GridProps } from './grid';
import { moveFor, moved, placeAt, resized, seen, shiftOf, widened } from './model';
import type { Column } from './model';
import { ROW_HEIGHT } from './size';

const COLUMNS: readonly Column[] = [
  { id: 'name', label: 'Name', width: 200, fixed: true, sortable: true },
  { id: 'a', label: 'a', width: 100, sortable: true },
  { id: 'b', label: 'b', width: 100, align: 'end' }
];
const ids = (columns: readonly Column[]): string => columns.map(column => column.id).join(' ');

describe('columns', () => {
  it('move, but not before those that are fixed, and these not at all', () => {
    expect(ids(moved(COLUMNS, 'b', 1))).toBe('name b a');
    expect(ids(moved(COLUMNS, 'b', 0))).toBe('name b a');
    expect(moved(COLUMNS, 'name', 2)).toBe(COLUMNS);
    expect(moved(COLUMNS, 'b', 9)).toBe(COLUMNS);
  });

  it('are never too narrow to be grasped', () => {
    expect(resized(COLUMNS, 'a', 20)[1]?.width).toBe(120);
    expect(resized(COLUMNS, 'a', -500)[1]?.width).toBe(48);
  });

  it('are dropped before the one whose middle is right of the mouse', () => {
    expect([0, 240, 260, 399].map(x => placeAt(COLUMNS, x))).toEqual([0, 1, 2, 3]);
  });
});

describe('rows', () => {
  it('that are seen are few of a hundred thousand', () => {
    expect(seen(28 * 50_000 + 3, 280, 28, 100_000)).toEqual({ first: 50_000, last: 50_011 });
    expect(widened({ first: 2, last: 12 }, 6, 14)).toEqual({ first: 0, last: 14 });
    expect(seen(0, 280, 28, 3)).toEqual({ first: 0, last: 3 });
  });

  it('are followed when others come in above them', () => {
    const rows = ['new', 'newer', 'a', 'c', 'd'];
    const idAt = (index: number): string | null => rows[index] ?? null;
    const anchors = [
      ['a', 0],
      ['b', 1],
      ['c', 2]
    ] as const;
    expect(shiftOf(anchors, idAt, rows.length)).toBe(2);
    expect(shiftOf(anchors.slice(1), idAt, rows.length)).toBe(1);
    expect(shiftOf([['gone', 0]], idAt, rows.length)).toBe(0);
  });

  it('are walked within the grid alone', () => {
    const size = { nRows: 10, nColumns: 3, nSeen: 4 };
    const move = (key: string, row: number, ctrl = false): unknown =>
      moveFor({ row, column: 1 }, { key, ctrl, shift: false }, size);
    expect(move('ArrowDown', 9)).toEqual({ row: 9, column: 1 });
    expect(move('ArrowUp', 0)).toEqual({ row: -1, column: 1 });
    expect(move('PageDown', 0)).toEqual({ row: 4, column: 1 });
    expect(move('End', 3, true)).toEqual({ row: 9, column: 2 });
    expect(move('x', 3)).toBeNull();
  });
});

interface Thing {
  readonly id: string;
  readonly open?: boolean;
}

/** A grid whose columns, order and selection are kept as those who use it keep them. */
function Sample(props: Partial<GridProps<Thing>> & { readonly things: readonly Thing[] }): JSX.Element {
  const [columns, setColumns] = useState(COLUMNS);
  const { things } = props;
  return (
    <Grid
      label="Things"
      columns={columns}
      nRows={things.length}
      row={index => things[index]}
      rowId={row => row.id}
      cell={(row, column) => `${row.id}.${column.id}`}
      onColumns={setColumns}
      {...props}
    />
  );
}

const MANY: readonly Thing[] = Array.from({ length: 1000 }, (_, index) => ({ id: `r${index}` }));

function grid(): HTMLElement {
  return screen.getByRole('grid', { name: 'Things' });
}

function active(): string {
  return document.getElementById(grid().getAttribute('aria-activedescendant') ?? '')?.textContent ?? '';
}

describe('the grid', () => {
  it('draws what is seen and says how much there is', () => {
    render(<Sample things={MANY} />);
    expect(grid()).toHaveAttribute('aria-rowcount', '1001');
    expect(screen.getAllByRole('row').length).toBeLessThan(60);
    expect(screen.getByRole('gridcell', { name: 'r0.a' })).toBeVisible();
  });

  it('draws others when it is scrolled', () => {
    render(<Sample things={MANY} />);
    grid().scrollTop = 500 * ROW_HEIGHT;
    fireEvent.scroll(grid());
    expect(screen.getByRole('gridcell', { name: 'r500.a' })).toBeVisible();
    expect(screen.queryByText('r0.a')).toBeNull();
  });

  it('stays where it is when rows come in above, and goes to the top when it is of something else', () => {
    const { rerender } = render(<Sample things={MANY} of="one" />);
    grid().scrollTop = 500 * ROW_HEIGHT;
    fireEvent.scroll(grid());
    rerender(<Sample things={[{ id: 'new' }, { id: 'newer' }, ...MANY]} of="one" />);
    expect(grid().scrollTop).toBe(502 * ROW_HEIGHT);
    rerender(<Sample things={MANY} of="two" />);
    expect(grid().scrollTop).toBe(0);
  });

  it('shows new rows to who is at the top', () => {
    const { rerender } = render(<Sample things={MANY} />);
    rerender(<Sample things={[{ id: 'new' }, ...MANY]} />);
    expect(grid().scrollTop).toBe(0);
    expect(screen.getByText('new.a')).toBeVisible();
  });

  it('is walked, sorted and opened with the keyboard alone', async () => {
    const did: string[] = [];
    render(
      <Sample
        things={MANY}
        order={{ id: 'a', descending: true }}
        onOrder={id => did.push(`sort ${id}`)}
        onOpen={index => did.push(`open ${index}`)}
        onSelect={(index, how) => did.push(`${how} ${index}`)}
        onSelectAll={all => did.push(`all ${all}`)}
      />
    );
    expect(screen.getByRole('columnheader', { name: 'a' })).toHaveAttribute('aria-sort', 'descending');
    await userEvent.tab();
    expect(grid()).toHaveFocus();
    expect(active()).toBe('Name');
    await userEvent.keyboard('{ArrowRight}{Enter}{ArrowDown}{ArrowDown}{Enter} ');
    expect(active()).toBe('r1.a');
    await userEvent.keyboard(
      '{Shift>}{ArrowDown}{/Shift}{Control>}a{/Control}{Escape}{Control>}{End}{/Control}'
    );
    fireEvent.scroll(grid()); // as a browser says it of itself
    expect(active()).toBe('r999.b');
    expect(did).toEqual(['sort a', 'open 1', 'toggle 1', 'range 2', 'all true', 'all false']);
  });

  it('resizes and moves columns with the keyboard', async () => {
    render(<Sample things={MANY} />);
    grid().focus();
    await userEvent.keyboard('{ArrowRight}{Shift>}{ArrowRight}{/Shift}');
    expect(screen.getByRole('columnheader', { name: 'a' })).toHaveStyle({ width: '116px' });
    await userEvent.keyboard('{Control>}{Shift>}{ArrowRight}{/Shift}{/Control}');
    expect(screen.getAllByRole('columnheader').map(head => head.textContent)).toEqual(['Name', 'b', 'a']);
    expect(active()).toBe('a');
  });

  it('selects with the mouse: one, more, up to', async () => {
    const did: string[] = [];
    render(
      <Sample
        things={MANY}
        rowState={row => ({ selected: false, selectLabel: `Select ${row.id}` })}
        onSelect={(index, how) => did.push(`${how} ${index}`)}
      />
    );
    const person = userEvent.setup();
    await person.click(screen.getByText('r1.a'));
    await person.keyboard('{Control>}');
    await person.click(screen.getByText('r3.a'));
    await person.keyboard('{/Control}{Shift>}');
    await person.click(screen.getByText('r5.a'));
    await person.keyboard('{/Shift}');
    await person.click(screen.getByRole('checkbox', { name: 'Select r7' }));
    expect(did).toEqual(['only 1', 'toggle 3', 'range 5', 'toggle 7']);
  });

  it('folds and unfolds in its first column', async () => {
    const did: string[] = [];
    render(
      <Sample
        things={[
          { id: 'x', open: false },
          { id: 'y', open: true }
        ]}
        isTree
        rowState={row => ({ level: 1, ...(row.open !== undefined && { open: row.open }) })}
        onFold={(index, open) => did.push(`${index} ${open}`)}
      />
    );
    const tree = screen.getByRole('treegrid');
    expect(within(tree).getAllByRole('row')[1]).toHaveAttribute('aria-expanded', 'false');
    tree.focus();
    await userEvent.keyboard('{ArrowDown}{ArrowRight}{ArrowDown}{ArrowRight}{ArrowLeft}{ArrowLeft}');
    expect(did).toEqual(['0 true', '1 false']);
  });

  it('opens menus at the mouse and with the keys', async () => {
    const did: string[] = [];
    render(
      <Sample
        things={MANY}
        menuLabel="Menu"
        onMenu={column => did.push(`menu ${column.id}`)}
        onRowMenu={index => did.push(`row ${index}`)}
      />
    );
    fireEvent.contextMenu(screen.getByText('r4.a'));
    await userEvent.click(screen.getByRole('button', { name: 'Menu: b', hidden: true }));
    grid().focus();
    await userEvent.keyboard('{Shift>}{F10}{/Shift}{ArrowDown}{Alt>}{ArrowDown}{/Alt}');
    expect(did).toEqual(['row 4', 'menu b', 'menu name', 'row 0']);
  });
});
