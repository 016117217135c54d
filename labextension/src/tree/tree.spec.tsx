import { render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import type { JSX } from 'react';
import { describe, expect, it } from 'vitest';

import { moveFor, rowsOf } from './model';
import type { Folds, TreeNode } from './model';
import { Tree } from './panel';

const leaf = (id: string): TreeNode => ({ kind: 'fact', id, label: id });
const FOREST: readonly TreeNode[] = [
  { kind: 'section', id: 'a', label: 'a', open: true, children: [leaf('a1'), leaf('a2')] },
  { kind: 'section', id: 'b', label: 'b', children: [leaf('b1')] }
];
const ids = (folds: Folds): readonly string[] => rowsOf(FOREST, folds).map(row => row.node.id);

describe('rows', () => {
  it('are those that no folded parent hides', () => {
    expect(ids({})).toEqual(['a', 'a1', 'a2', 'b']);
  });

  it('follow what a person folded and unfolded', () => {
    expect(ids({ a: false, b: true })).toEqual(['a', 'b', 'b1']);
  });

  it('know their place', () => {
    expect(rowsOf(FOREST, {})[2]).toMatchObject({ level: 2, position: 2, size: 2, open: null, parent: 'a' });
  });
});

describe('keys', () => {
  const rows = rowsOf(FOREST, {});
  it.each([
    ['a', 'ArrowDown', { focus: 'a1' }],
    ['a', 'ArrowUp', null],
    ['a', 'ArrowRight', { focus: 'a1' }],
    ['a', 'ArrowLeft', { fold: 'a', open: false }],
    ['a2', 'ArrowLeft', { focus: 'a' }],
    ['a2', 'Enter', { act: 'a2' }],
    ['b', 'ArrowRight', { fold: 'b', open: true }],
    ['b', ' ', { fold: 'b', open: true }],
    ['b', 'ArrowDown', null],
    ['a1', 'End', { focus: 'b' }],
    ['a1', 'Home', { focus: 'a' }],
    ['a1', 'x', null]
  ])('%s: %s', (id, key, move) => {
    expect(moveFor(rows, id, key)).toEqual(move);
  });
});

function Sample({ acted }: { readonly acted: string[] }): JSX.Element {
  const [folds, setFolds] = useState<Folds>({});
  return (
    <Tree
      label="things"
      forest={FOREST}
      folds={folds}
      onFold={(id, open) => setFolds({ ...folds, [id]: open })}
      onAct={node => acted.push(node.id)}
      draw={node => node.label}
    />
  );
}

describe('the tree', () => {
  it('is one tab stop and is walked with the arrows', async () => {
    const acted: string[] = [];
    const user = userEvent.setup();
    render(<Sample acted={acted} />);
    await user.tab();
    expect(screen.getByRole('treeitem', { name: 'a' })).toHaveFocus();
    await user.keyboard('{ArrowDown}{Enter}{End}{ArrowRight}');
    expect(acted).toEqual(['a1']);
    expect(screen.getByRole('treeitem', { name: 'b' })).toHaveAttribute('aria-expanded', 'true');
    await user.keyboard('{ArrowRight}');
    expect(screen.getByRole('treeitem', { name: 'b1' })).toHaveFocus();
    await user.tab();
    expect(document.body).toHaveFocus();
  });

  it('folds at a click', async () => {
    render(<Sample acted={[]} />);
    await userEvent.click(screen.getByRole('treeitem', { name: 'a' }));
    expect(screen.queryByRole('treeitem', { name: 'a1' })).toBeNull();
  });
});
