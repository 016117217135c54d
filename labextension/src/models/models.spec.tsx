import { nullTranslator } from '@jupyterlab/translation';
import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { model, version } from '../testing/records';
import { show } from '../testing/session';
import { modelNodes } from './model';
import type { TreeNode } from '../tree/model';
import type { ModelNode, ModelsNode, VersionNode } from './model';
import { ModelRow, VersionRow } from './panel';

const TRANS = nullTranslator.load('jupyter_mlops');
const CHURN = model({
  latest: 2,
  services: ['churn-eu'],
  versions: [
    version({ version: 2, aliases: ['champion'], services: ['churn-eu'] }),
    version({ tags: { team: 'risk' } })
  ]
});

const versionsOf = (node: ModelsNode | undefined): readonly TreeNode[] =>
  (node?.children ?? []) as readonly TreeNode[];

describe('models', () => {
  it('say what to type when there is none', () => {
    expect(modelNodes([], '', TRANS)).toMatchObject([{ kind: 'hint', code: '%ml models register RUN NAME' }]);
  });

  it('hold their versions, newest first, with aliases and where they are deployed', () => {
    const [node] = modelNodes([CHURN], '', TRANS);
    expect(versionsOf(node).map(child => child.label)).toEqual([
      'Version 2, champion, deployed in churn-eu',
      'Version 1'
    ]);
  });

  it.each([
    ['team=risk', 1],
    ['churn-eu', 1],
    ['zebra', 0]
  ])('are filtered by %s', (filter, n) => {
    expect(modelNodes([CHURN], filter, TRANS).filter(node => node.kind === 'model')).toHaveLength(n);
  });

  it('show newest version, alias and service', () => {
    const [node] = modelNodes([CHURN], '', TRANS);
    show(<ModelRow node={node as ModelNode} />);
    show(<VersionRow node={versionsOf(node)[0] as VersionNode} />);
    expect(screen.getAllByText('v2')).toHaveLength(2);
    expect(screen.getByText('champion')).toBeVisible();
    expect(screen.getAllByText('churn-eu')).toHaveLength(2);
  });
});
