import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { model, version } from '../testing/records';
import { modelNodes } from './model';
import type { ModelNode, VersionNode } from './model';
import { ModelRow, VersionRow } from './panel';

const CHURN = model({
  latest: 2,
  services: ['churn-eu'],
  versions: [
    version({ version: 2, aliases: ['champion'], services: ['churn-eu'] }),
    version({ tags: { team: 'risk' } })
  ]
});

describe('models', () => {
  it('say what to type when there is none', () => {
    expect(modelNodes([], '')).toMatchObject([{ kind: 'hint', code: '%ml models register RUN NAME' }]);
  });

  it('hold their versions, newest first, with aliases and where they are deployed', () => {
    const [node] = modelNodes([CHURN], '');
    expect(node?.children?.map(child => child.label)).toEqual([
      'Version 2, champion, deployed in churn-eu',
      'Version 1'
    ]);
  });

  it.each([
    ['team=risk', 1],
    ['churn-eu', 1],
    ['zebra', 0]
  ])('are filtered by %s', (filter, n) => {
    expect(modelNodes([CHURN], filter).filter(node => node.kind === 'model')).toHaveLength(n);
  });

  it('show newest version, alias and service', () => {
    const [node] = modelNodes([CHURN], '');
    render(<ModelRow node={node as ModelNode} />);
    render(<VersionRow node={node?.children?.[0] as VersionNode} />);
    expect(screen.getAllByText('v2')).toHaveLength(2);
    expect(screen.getByText('champion')).toBeVisible();
    expect(screen.getAllByText('churn-eu')).toHaveLength(2);
  });
});
