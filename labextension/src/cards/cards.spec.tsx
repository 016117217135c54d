import { render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import { run } from '../testing/records';
import { polyline, readCard, took, withNews } from './model';
import type { Card } from './model';
import { RunCard } from './panel';

const EVIL = '<script>alert(1)</script>';
const JSON_CARD = {
  workspace: 'w1',
  run: {
    id: 'abcdef0123456789',
    name: EVIL,
    experiment: 'forest',
    status: 'RUNNING',
    started_at: 1000,
    duration_s: null,
    params: { C: EVIL },
    tags: { team: 'risk' }
  },
  trends: [
    {
      name: 'loss',
      last: 0.25,
      n_points: 3,
      lowest: 0.25,
      highest: 1,
      points: [
        [0, 1],
        [1, 0.5],
        [2, 0.25]
      ]
    },
    { name: 'auc', last: 'NaN' }
  ],
  pictures: [
    { path: 'figures/roc.png', address: 'data:image/png;base64,aGk=' },
    { path: 'figures/evil.png', address: 'javascript:alert(1)' }
  ],
  hidden_state: ['`X` was changed since cell 3 ran'],
  snapshot: 's1',
  progress: { fraction: 0.4, text: '4/10' },
  link: 'javascript:alert(1)'
};

function card(change: Record<string, unknown> = {}): Card {
  const read = readCard({ ...JSON_CARD, ...change });
  if (!read) {
    throw new Error('no card');
  }
  return read;
}

function show(shown: Card, isLive = true) {
  const copy = vi.fn();
  const load = vi.fn(() => Promise.resolve(null));
  const { container } = render(<RunCard card={shown} isLive={isLive} copy={copy} load={load} notes={null} />);
  return { copy, load, container };
}

describe('a card', () => {
  it('shows what a run was given and measured, as text whatever it is called', () => {
    const { container } = show(card());
    expect(screen.getByText(EVIL, { selector: 'strong' })).toBeInTheDocument();
    expect(container.querySelector('script')).toBeNull();
    const metrics = screen.getByRole('table', { name: 'Metrics' });
    expect(
      within(metrics).getByRole('row', { name: /loss 0.25 3 points, from 0.25 to 1/ })
    ).toBeInTheDocument();
    expect(within(metrics).getByRole('row', { name: /auc NaN/ })).toBeInTheDocument();
    expect(screen.getByText('Not reproducible from top to bottom')).toBeInTheDocument();
    expect(screen.getByText('team=risk')).toBeInTheDocument();
  });

  it('takes no address but a picture’s, and no link but of the web', () => {
    const { container } = show(card());
    expect([...container.querySelectorAll('img')].map(img => img.alt)).toEqual(['roc.png']);
    expect(screen.getByText('evil.png')).toBeInTheDocument();
    expect(container.querySelector('a')).toBeNull();
    show(card({ link: 'https://mlflow.example/#/runs/1' }));
    expect(screen.getByRole('link', { name: 'MLflow' })).toHaveAttribute('rel', 'noopener noreferrer');
  });

  it('copies its id and the line that loads it', async () => {
    const { copy } = show(card());
    await userEvent.click(screen.getByRole('button', { name: "Copy the run's id" }));
    await userEvent.click(screen.getByRole('button', { name: /loads this run/ }));
    expect(copy.mock.calls).toEqual([['abcdef0123456789'], ['run = %ml runs show abcdef0123456789']]);
  });

  it('asks for the whole figure when one is opened', async () => {
    const { load } = show(card());
    await userEvent.click(screen.getByTitle('Show roc.png large'));
    expect(load).toHaveBeenCalledWith('figures/roc.png');
    expect(screen.getByTitle('Show roc.png small')).toHaveAttribute('aria-expanded', 'true');
  });

  it('shows children and what was stored', () => {
    show(
      card({
        children: [
          { name: EVIL, status: 'FAILED', duration_s: 2, metrics: { auc: 0.5, f1: 'NaN' } },
          { name: 'x', status: '?' }
        ],
        n_more_children: 3,
        outputs: [{ path: 'logs/stdout.txt', n_bytes: 1500 }],
        data: 'digits train 1a2b'
      })
    );
    const children = screen.getByRole('table', { name: 'Children' });
    expect(within(children).getAllByRole('row')).toHaveLength(2);
    expect(within(children).getByRole('row', { name: /script.* 2 s auc 0.5, f1 NaN/ })).toBeInTheDocument();
    expect(within(children).getByText('and 3 more')).toBeInTheDocument();
    expect(screen.getByText('1 file')).toBeInTheDocument();
    expect(screen.getByText('1.5 kB')).toBeInTheDocument();
    expect(screen.getByText('digits train 1a2b')).toBeInTheDocument();
  });

  it('does not count on for a run that nobody knows to run', () => {
    show(card(), false);
    expect(screen.getByText('running when this was saved · forest')).toBeInTheDocument();
  });
});

describe('a card from anywhere', () => {
  it.each([[null], ['text'], [{}], [{ run: { id: 1, name: 'x', status: 'RUNNING' } }], [{ run: 3 }]])(
    'is none when it is %j',
    data => {
      expect(readCard(data)).toBeNull();
    }
  );

  it('is read as far as it is one', () => {
    const read = card({ trends: 'x', pictures: [3], hidden_state: [{}], progress: { fraction: 'a' } });
    expect(read).toMatchObject({ trends: [], pictures: [{ path: '', address: '' }], progress: null });
  });
});

it('takes over what the server says of a run that has ended', () => {
  const news = run({ status: 'FINISHED', duration_s: 12, metrics: { loss: 0.1, f1: 0.5 } });
  const now = withNews(card(), news);
  expect(now.trends.map(trend => [trend.name, trend.last])).toEqual([
    ['loss', 0.1],
    ['auc', 'NaN'],
    ['f1', 0.5]
  ]);
  expect([now.status, now.progress, took(now, 1e9)]).toEqual(['FINISHED', null, '12 s']);
});

it('counts the seconds of a run, never below none', () => {
  expect(took(card(), 1065.5)).toBe('1 min 5 s');
  expect(took(card(), 900)).toBe('0 s');
  expect(took(card(), null)).toBe('');
});

it('draws a curve of equal and of huge values', () => {
  expect(
    polyline(
      [
        [0, 1],
        [1, 1]
      ],
      104,
      20
    )
  ).toBe('2.0,10.0 102.0,10.0');
  expect(
    polyline(
      [
        [0, -1.7e308],
        [1, 1.7e308]
      ],
      104,
      20
    )
  ).toBe('2.0,18.0 102.0,2.0');
});
