import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { activity } from '../testing/records';
import { activityNodes } from './model';
import type { ActivityNode } from './model';
import { ActivityRow } from './panel';

describe('activities', () => {
  it('that go on come first', () => {
    const nodes = activityNodes(
      [
        activity({ name: 'a3', state: 'done', created_at: 3 }),
        activity({ name: 'a2', state: 'running', created_at: 2 }),
        activity({ name: 'a1', state: 'failed', created_at: 1 })
      ],
      ''
    );
    expect(nodes.map(node => (node as ActivityNode).activity.name)).toEqual(['a2', 'a3', 'a1']);
  });

  it('that failed say why and what to do next', () => {
    const error = {
      type: 't',
      title: 'T',
      status: 503,
      code: 'no-engine',
      detail: 'No Docker engine answers.',
      hint: 'Start dockerd.'
    };
    const [node] = activityNodes([activity({ state: 'failed', error })], '');
    expect(node?.children).toMatchObject([
      { name: 'why', value: 'No Docker engine answers.', tone: 'error' },
      { name: 'next', value: 'Start dockerd.' },
      { name: 'id' }
    ]);
  });

  it('show a bar and the step while they go on', () => {
    const [node] = activityNodes([activity()], '');
    render(<ActivityRow node={node as ActivityNode} />);
    expect(screen.getByRole('progressbar', { name: 'deploy service churn' })).toHaveAttribute(
      'aria-valuenow',
      '40'
    );
    expect(screen.getByText('waiting until the replica is ready')).toBeVisible();
  });

  it('show no bar when they ended', () => {
    const [node] = activityNodes([activity({ state: 'done', progress: 1 })], '');
    render(<ActivityRow node={node as ActivityNode} />);
    expect(screen.queryByRole('progressbar')).toBeNull();
  });
});
