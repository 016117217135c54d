import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';

import { partsOf } from './changes';
import { Changes } from './comparison';

vi.mock('@jupyterlab/apputils', () => import('../testing/apputils'));
vi.mock('@jupyterlab/ui-components', () => ({}));

const trans = nullTranslator.load('jupyter_mlops');
const DIGEST = 'ab'.repeat(32);
const CHANGES = [
  { field: 'files.models/churn.v2/a.b.skops', before: DIGEST, after: null },
  { field: 'models.churn', before: 1, after: 2 },
  { field: 'python', before: '3.11', after: '3.12' },
  { field: 'requirements.numpy', before: null, after: 'numpy==2.1' },
  { field: 'sample', before: { rows: [[1, '<b>']] }, after: null }
];

it('tells what differs by its parts, whatever dots are in names', () => {
  const parts = partsOf(CHANGES, trans);
  expect(parts.map(({ title, rows }) => [title, rows.map(row => row.name)])).toEqual([
    ['What it runs', ['Python', 'Sample']],
    ['Models', ['churn']],
    ['Packages', ['numpy']],
    ['Files', ['models/churn.v2/a.b.skops']]
  ]);
  const [file] = parts[3]?.rows ?? [];
  expect(file?.before).toEqual({ text: DIGEST.slice(0, 12), title: DIGEST, isLong: false });
  expect(file?.after).toBeNull();
});

it('shows both sides, and what a sample holds as text', () => {
  render(<Changes compared={{ first: 'churn:1', second: 'churn:2', changes: CHANGES }} trans={trans} />);
  expect(screen.getByRole('row', { name: 'Python 3.11 3.12' })).toBeVisible();
  expect(screen.getByRole('row', { name: 'numpy — numpy==2.1' })).toBeVisible();
  expect(screen.getByText(/"<b>"/)).toBeVisible();
});

it('says that nothing differs', () => {
  render(<Changes compared={{ first: 'a:1', second: 'b:1', changes: [] }} trans={trans} />);
  expect(screen.getByText('They are the same.')).toBeVisible();
});
