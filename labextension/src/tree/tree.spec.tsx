import { act, fireEvent, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import type { JSX } from 'react';
import { describe, expect, it } from 'vitest';

import { moveFor } from './keys';
import { Rows } from './model';
import type { Folds, Slice, Slots, TreeNode } from './model';
import { Tree } from './panel';
import type { Selecting } from './panel';

const leaf = (id: string): TreeNode => ({ kind: 'fact', id, label: id });
const FOREST: readonly TreeNode[] = [
  { kind: 'section', id: 'a', label: 'a', open: true, children: [leaf('a1'), leaf('a2')] },
  { kind: 'section', id: 'b', label: 'b', children: [leaf('b1')] }
];

/** A list of runs, of which those named have facts. */
function many(length: number, known: (place: number) => TreeNode | undefined = () => undefined): Slots {
  const slot = (place: number): TreeNode => ({ kind: 'slot', id: `slot:${place}`, label: `slot ${place}` });
  return {
    length,
    height: 40,
    at: place => known(place) ?? slot(place),
    indexOf: id => {
      if (id.startsWith('slot:')) {
        return Number(id.slice(5));
      }
      return Array.from({ length: Math.min(length, 1000) }, (_, place) => known(place)?.id).indexOf(id);
    }
  };
}

const section = (children: Slots): readonly TreeNode[] => [
  { kind: 'section', id: 's', label: 's', open: true, height: 28, children }
];
const listed = (rows: Rows<TreeNode>): readonly (string | undefined)[] =>
  Array.from({ length: rows.length }, (_, index) => rows.at(index)?.node.id);

describe('rows', () => {
  it('are those that no folded parent hides', () => {
    expect(listed(new Rows(FOREST, {}))).toEqual(['a', 'a1', 'a2', 'b']);
  });

  it('follow what a person folded and unfolded', () => {
    expect(listed(new Rows(FOREST, { a: false, b: true }))).toEqual(['a', 'b', 'b1']);
  });

  it('know their place', () => {
    expect(new Rows(FOREST, {}).at(2)).toMatchObject({
      level: 2,
      position: 2,
      size: 2,
      open: null,
      parent: 'a',
      top: 48,
      height: 24
    });
  });

  it('of a hundred thousand things are found by place, by pixel and by name without a walk', () => {
    const rows = new Rows(section(many(100_000)), {});
    expect([rows.length, rows.height]).toEqual([100_001, 28 + 100_000 * 40]);
    expect(rows.at(60_001)?.node.id).toBe('slot:60000');
    expect(rows.indexAt(28 + 60_000 * 40 + 39)).toBe(60_001);
    expect(rows.indexOf('slot:99999')).toBe(100_000);
    expect(rows.indexAt(1e9)).toBe(100_000);
    expect(rows.slices(10, 20)).toMatchObject([{ from: 9, to: 19 }]);
  });

  it('make room for what is unfolded in the middle of a long list', () => {
    const run = { kind: 'run', id: 'r', label: 'r', children: [leaf('f1'), leaf('f2')] };
    const rows = new Rows(section(many(1000, place => (place === 500 ? run : undefined))), { r: true });
    expect([rows.indexOf('r'), rows.indexOf('f2'), rows.indexOf('slot:501')]).toEqual([501, 503, 504]);
    expect(rows.at(504)).toMatchObject({ position: 502, size: 1000, top: 28 + 501 * 40 + 48 });
    expect(rows.slices(500, 506)).toMatchObject([
      { from: 499, to: 501 },
      { from: 501, to: 503 }
    ]);
  });

  it('are as much higher as the font is larger, in whole pixels', () => {
    const rows = new Rows(section(many(10)), {}, new Map(), 18 / 13);
    expect([rows.at(0)?.height, rows.at(1)?.height, rows.height]).toEqual([39, 55, 39 + 550]);
  });

  it('that wrap are as high as they were drawn', () => {
    const text: TreeNode = { ...leaf('t'), height: 'text' };
    expect(new Rows([text, leaf('u')], {}).at(1)?.top).toBe(24);
    expect(new Rows([text, leaf('u')], {}, new Map([['t', 60]])).at(1)?.top).toBe(60);
  });
});

describe('keys', () => {
  const rows = new Rows(FOREST, {});
  const opening = new Rows([{ ...leaf('o'), opens: true }], {});
  it.each([
    ['a', 'ArrowDown', { focus: 'a1' }],
    ['a', 'ArrowUp', null],
    ['a', 'ArrowRight', { focus: 'a1' }],
    ['a', 'ArrowLeft', { fold: 'a', open: false }],
    ['a2', 'ArrowLeft', { focus: 'a' }],
    ['a2', 'Enter', { act: 'a2' }],
    ['b', 'ArrowRight', { fold: 'b', open: true }],
    ['b', ' ', { fold: 'b', open: true }],
    ['b', 'Enter', { fold: 'b', open: true }],
    ['b', 'ArrowDown', null],
    ['a1', 'End', { focus: 'b' }],
    ['a', 'PageDown', { focus: 'b' }],
    ['a1', 'Home', { focus: 'a' }],
    ['a1', 'ContextMenu', { menu: 'a1' }],
    ['a1', 'x', null]
  ])('%s: %s', (id, key, move) => {
    const found = moveFor(rows, id, { key });
    expect(found).toEqual(move && 'focus' in move ? { ...move, extend: false } : move);
  });

  it('open what has a place of its own, select more with Shift and Control, and show the menu', () => {
    expect(moveFor(opening, 'o', { key: 'Enter' })).toEqual({ opened: 'o' });
    expect(moveFor(rows, 'a', { key: 'ArrowDown', shiftKey: true })).toEqual({ focus: 'a1', extend: true });
    expect(moveFor(rows, 'a', { key: ' ', ctrlKey: true })).toEqual({ toggle: 'a' });
    expect(moveFor(rows, 'a', { key: 'F10', shiftKey: true })).toEqual({ menu: 'a' });
    expect(moveFor(rows, 'a', { key: 'a', ctrlKey: true })).toBeNull();
  });
});

class Seen {
  readonly acted: string[] = [];
  readonly opened: string[] = [];
  readonly menus: string[] = [];
  readonly selections: [readonly string[], Selecting][] = [];
  readonly slices: (readonly Slice[])[] = [];
}

function Sample({
  seen,
  forest = FOREST
}: {
  readonly seen: Seen;
  readonly forest?: readonly TreeNode[];
}): JSX.Element {
  const [folds, setFolds] = useState<Folds>({});
  return (
    <Tree
      label="things"
      forest={forest}
      folds={folds}
      selected={new Set(seen.selections.at(-1)?.[0])}
      onFold={(id, open) => setFolds({ ...folds, [id]: open })}
      onSelect={(nodes, how) => seen.selections.push([nodes.map(node => node.id), how])}
      onOpen={node => seen.opened.push(node.id)}
      onAct={node => seen.acted.push(node.id)}
      onMenu={node => seen.menus.push(node.id)}
      menuLabel={node => (node.kind === 'fact' ? `More for ${node.label}` : null)}
      onSee={slices => seen.slices.push(slices)}
      draw={node => node.label}
    />
  );
}

describe('the tree', () => {
  it('is one tab stop and is walked with the arrows', async () => {
    const seen = new Seen();
    const user = userEvent.setup();
    render(<Sample seen={seen} />);
    await user.tab();
    expect(screen.getByRole('treeitem', { name: 'a' })).toHaveFocus();
    await user.keyboard('{ArrowDown}{Enter}{End}{ArrowRight}');
    expect(seen.acted).toEqual(['a1']);
    expect(screen.getByRole('treeitem', { name: 'b' })).toHaveAttribute('aria-expanded', 'true');
    await user.keyboard('{ArrowRight}');
    expect(screen.getByRole('treeitem', { name: 'b1' })).toHaveFocus();
    await user.tab();
    expect(document.body).toHaveFocus();
  });

  it('folds at a click', async () => {
    render(<Sample seen={new Seen()} />);
    await userEvent.click(screen.getByRole('treeitem', { name: 'a' }));
    expect(screen.queryByRole('treeitem', { name: 'a1' })).toBeNull();
  });

  it('selects what opens at a click, and opens it at the second one or at Enter', async () => {
    const seen = new Seen();
    render(<Sample seen={seen} forest={[{ ...leaf('o'), opens: true }, leaf('p')]} />);
    const row = screen.getByRole('treeitem', { name: 'o' });
    await userEvent.click(row);
    expect([seen.opened, seen.acted, seen.selections]).toEqual([[], [], [[['o'], 'only']]]);
    await userEvent.dblClick(row);
    await userEvent.keyboard('{Enter}');
    expect(seen.opened).toEqual(['o', 'o']);
  });

  it('selects several with Control and Shift', async () => {
    const seen = new Seen();
    const user = userEvent.setup();
    render(
      <Sample seen={seen} forest={[leaf('x'), leaf('y'), { ...leaf('z'), kind: 'other' }, leaf('w')]} />
    );
    await user.click(screen.getByRole('treeitem', { name: 'x' }));
    await user.keyboard('{Shift>}');
    await user.click(screen.getByRole('treeitem', { name: 'w' }));
    await user.keyboard('{/Shift}{Control>}');
    await user.click(screen.getByRole('treeitem', { name: 'x' }));
    await user.keyboard('{/Control}');
    expect(seen.selections.slice(-2)).toEqual([
      [['x', 'y', 'w'], 'range'],
      [['x'], 'toggle']
    ]);
  });

  it('shows menus at a right click, at the dots and at the menu key', async () => {
    const seen = new Seen();
    render(<Sample seen={seen} />);
    const row = screen.getByRole('treeitem', { name: 'a1' });
    expect(fireEvent.contextMenu(row)).toBe(false); // ours, not the browser's
    await userEvent.click(screen.getByRole('button', { name: 'More for a2' }));
    act(() => row.focus());
    await userEvent.keyboard('{ContextMenu}');
    expect(seen.menus).toEqual(['a1', 'a2', 'a1']);
    expect(fireEvent.contextMenu(screen.getByRole('treeitem', { name: 'b' }))).toBe(true);
    expect(seen.acted).toEqual([]);
  });

  it('draws of a long list what is looked at, and says what that is', () => {
    const seen = new Seen();
    render(<Sample seen={seen} forest={section(many(100_000))} />);
    expect(screen.getAllByRole('treeitem').length).toBeLessThan(200);
    expect(seen.slices.at(-1)).toMatchObject([{ from: 0 }]);
    expect(screen.getByRole('treeitem', { name: 'slot 3' })).toHaveAttribute('aria-setsize', '100000');
  });

  it('keeps the focus when what had it is drawn anew under another name', async () => {
    const seen = new Seen();
    const { rerender } = render(<Sample seen={seen} forest={section(many(5))} />);
    await userEvent.tab();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    expect(screen.getByRole('treeitem', { name: 'slot 1' })).toHaveFocus();
    rerender(<Sample seen={seen} forest={section(many(5, place => leaf(`run${place}`)))} />);
    expect(screen.getByRole('treeitem', { name: 'run1' })).toHaveFocus();
  });
});
