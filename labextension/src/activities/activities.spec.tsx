import { nullTranslator } from '@jupyterlab/translation';
import { screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import type { Activity } from '../api/types';
import { activity } from '../testing/records';
import { show } from '../testing/session';
import { activityNodes } from './model';
import type { ActivityNode } from './model';
import { ActivityRow } from './panel';

const TRANS = nullTranslator.load('jupyter_mlops');

describe('activities', () => {
  it('that go on come first', () => {
    const nodes = activityNodes(
      [
        activity({ name: 'a3', state: 'done', created_at: 3 }),
        activity({ name: 'a2', state: 'running', created_at: 2 }),
        activity({ name: 'a1', state: 'failed', created_at: 1 })
      ],
      '',
      TRANS
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
    const [node] = activityNodes([activity({ state: 'failed', error })], '', TRANS);
    expect(node?.children).toMatchObject([
      { name: 'why', value: 'No Docker engine answers.', tone: 'error' },
      { name: 'next', value: 'Start dockerd.' },
      { name: 'id' }
    ]);
  });

  it('show a bar and the step while they go on', () => {
    const [node] = activityNodes([activity()], '', TRANS);
    show(<ActivityRow node={node as ActivityNode} cancel={null} />);
    expect(screen.getByRole('progressbar', { name: 'deploy service churn' })).toHaveAttribute(
      'aria-valuenow',
      '40'
    );
    expect(screen.getByText('waiting until the replica is ready')).toBeVisible();
  });

  it('show no bar when they ended', () => {
    const [node] = activityNodes([activity({ state: 'done', progress: 1 })], '', TRANS);
    show(<ActivityRow node={node as ActivityNode} cancel={null} />);
    expect(screen.queryByRole('progressbar')).toBeNull();
  });

  it('are cancelled by a button while they go on, by whom may', async () => {
    const cancelled: string[] = [];
    const cancel = (id: string): unknown => cancelled.push(id);
    const nodeOf = (one: Activity): ActivityNode => activityNodes([one], '', TRANS)[0] as ActivityNode;
    const [going, asked] = [nodeOf(activity()), nodeOf(activity({ cancel_asked: true }))];
    const { unmount } = show(<ActivityRow node={going} cancel={cancel} />);
    await userEvent.click(screen.getByRole('button', { name: 'Cancel deploy service churn' }));
    expect(cancelled).toEqual(['a1']);
    unmount();
    show(<ActivityRow node={asked} cancel={cancel} />);
    expect(screen.queryByRole('button')).toBeNull();
    expect(asked.label).toBe('deploy service churn, cancelling, 40 percent');
  });
});
