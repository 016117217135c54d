import { screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import type { Lineage as Found, LineageNode } from '../api/types';
import { CommandIDs } from '../commands';
import { HandServer } from '../testing/server';
import { show } from '../testing/session';
import { isBetterDown, layout, neighbour, placeOf } from './model';
import type { Drawing } from './model';
import { Lineage } from './panel';

function node(id: string, facts: Record<string, unknown> = {}, missing = false): LineageNode {
  const [kind, name] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  return { id, kind: kind as LineageNode['kind'], name, facts, missing };
}

const LINKS: readonly [string, string, string][] = [
  ['model:churn:1', 'trained by', 'run:r1'],
  ['run:r1', 'used', 'dataset:people:d1'],
  ['run:r1', 'started from', 'snapshot:s1'],
  ['run:r1', 'child of', 'run:r0'],
  ['manifest:churn:1', 'serves', 'model:churn:1'],
  ['image:churn:1', 'built from', 'manifest:churn:1'],
  ['service:api', 'deploys', 'manifest:churn:1'],
  ['service:api', 'runs', 'image:churn:1']
];

function lineage(change: Partial<Found> = {}): Found {
  const links = LINKS.map(([source, relation, target]) => ({ source, relation, target }));
  return {
    nodes: [
      node('model:churn:1', { flavor: 'sklearn', aliases: ['champion'] }),
      node('run:r1', { name: 'brave-owl', status: 'FINISHED' }),
      node('run:r0', { name: 'sweep', status: 'FINISHED' }),
      node('dataset:people:d1', { name: 'people', context: 'training' }),
      node('snapshot:s1', {}, true),
      node('manifest:churn:1', { python: '3.11', requirements: ['a', 'b'] }),
      node('image:churn:1', { tag: 'mlops/churn:1', image_id: 'sha256:0123456789abcdef' }),
      node('service:api', { state: 'ready' })
    ],
    links,
    ...change
  };
}

const places = (drawing: Drawing): Record<string, number> =>
  Object.fromEntries(drawing.boxes.map(box => [box.id, box.column]));

describe('the layout', () => {
  it('goes from what there was first to what came of it', () => {
    expect(places(layout(lineage(), new Set()))).toEqual({
      'run:r0': 0,
      'dataset:people:d1': 0,
      'snapshot:s1': 0,
      'run:r1': 1,
      'model:churn:1': 2,
      'manifest:churn:1': 3,
      'image:churn:1': 4,
      'service:api': 5
    });
  });

  it('draws no way from a manifest to a service past the image that runs', () => {
    const edges = layout(lineage(), new Set()).edges.map(edge => edge.id);
    expect(edges).toContain('image:churn:1 service:api');
    expect(edges).not.toContain('manifest:churn:1 service:api');
  });

  it('lets no two boxes overlap', () => {
    const { boxes } = layout(lineage(), new Set());
    for (const isDown of [false, true]) {
      const places = boxes.map(box => placeOf(box, isDown));
      expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(boxes.length);
    }
  });

  it('turns downward where a frame is too narrow for it', () => {
    const drawing = layout(lineage(), new Set());
    expect(isBetterDown(drawing, 1600, 500)).toBe(false);
    expect(isBetterDown(drawing, 700, 600)).toBe(true);
    expect(neighbour(drawing.boxes, 'run:r1', 'ArrowDown', true)?.id).toBe('model:churn:1');
  });

  it('opens the run of what has no widget of its own, and nothing that is gone', () => {
    const { boxes } = layout(lineage(), new Set());
    const opened = Object.fromEntries(boxes.map(box => [box.id, box.opens?.subject ?? null]));
    expect(opened).toMatchObject({
      'dataset:people:d1': 'r1',
      'snapshot:s1': null,
      'image:churn:1': 'churn:1',
      'service:api': 'api'
    });
  });

  it('ends where links go round in a circle', () => {
    const links = [
      { source: 'run:r1', relation: 'child of', target: 'run:r0' },
      { source: 'run:r0', relation: 'child of', target: 'run:r1' }
    ];
    expect(layout(lineage({ links }), new Set()).boxes).toHaveLength(8);
  });

  const many = (n: number): Found => {
    const base = lineage();
    const refs = Array.from({ length: n }, (_, index) => `manifest:churn:${index + 2}`);
    return {
      nodes: [...base.nodes, ...refs.map((id, index) => node(id, { created_at: index, requirements: [] }))],
      links: [...base.links, ...refs.map(id => ({ source: id, relation: 'serves', target: 'model:churn:1' }))]
    };
  };

  it('folds many of a kind, and keeps what serves and the newest', () => {
    const { boxes } = layout(many(40), new Set());
    const manifests = boxes.filter(box => box.kind === 'manifest');
    expect(manifests.map(box => box.id).sort()).toEqual([
      'fold:manifest',
      'manifest:churn:1',
      'manifest:churn:39',
      'manifest:churn:40',
      'manifest:churn:41'
    ]);
    expect(manifests.find(box => box.node === null)?.nFolded).toBe(37);
    expect(layout(many(40), new Set(['manifest'])).boxes).toHaveLength(48);
  });

  it('tells which box an arrow key leads to', () => {
    const { boxes } = layout(lineage(), new Set());
    expect(neighbour(boxes, 'run:r1', 'ArrowRight')?.id).toBe('model:churn:1');
    expect(neighbour(boxes, 'model:churn:1', 'ArrowLeft')?.id).toBe('run:r1');
    const first = boxes.filter(box => box.column === 0);
    expect(neighbour(boxes, first[0]?.id ?? '', 'ArrowDown')?.id).toBe(first[1]?.id);
    expect(neighbour(boxes, first[0]?.id ?? '', 'ArrowUp')).toBeNull();
    expect(neighbour(boxes, 'run:r1', 'x')).toBeNull();
  });
});

describe('the panel', () => {
  it('tells as a list what the graph shows, and opens what is clicked', async () => {
    const server = new HandServer();
    server.answers.set('lineage/model/churn:1', () => lineage());
    const opened: unknown[] = [];
    const { session } = show(<Lineage kind="model" name="churn:1" />, server);
    session.lab.commands.addCommand(CommandIDs.open, { execute: args => opened.push(args) });
    await userEvent.click(await screen.findByRole('button', { name: 'As a list' }));
    const list = within(screen.getByRole('list', { name: 'Lineage' }));
    expect(list.getAllByRole('listitem')).toHaveLength(8);
    expect(
      list.getByText('Run brave-owl, finished; from Dataset people, Snapshot s1, Run sweep')
    ).toBeVisible();
    expect(list.getByText('Snapshot s1, gone').closest('button')).toHaveAttribute('aria-disabled', 'true');
    await userEvent.click(list.getByText('Service api, ready; from Image mlops/churn:1'));
    expect(opened).toEqual([{ kind: 'service', subject: 'api' }]);
    expect(server.asked).toContain('lineage/model/churn:1?onward=true');
  });

  it('says in the server’s words why there is none', async () => {
    show(<Lineage kind="run" name="nobody" />, new HandServer());
    expect(await screen.findByRole('alert')).toBeVisible();
  });
});
