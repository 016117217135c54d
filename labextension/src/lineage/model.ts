/** Where each box of a lineage graph stands: in columns, from what things came from on the left to what came of them. */

import type { Lineage, LineageNode } from '../api/types';
import type { OpenArgs } from '../commands';

export type NodeKind = LineageNode['kind'];

/** Of a kind with more nodes than this, only so many are drawn until the rest is asked for. */
export const FOLD_ABOVE = 6;
export const KEPT = 4;

export const BOX = { width: 190, height: 60 } as const;
/** Between boxes: in the direction of the lines, and across it. */
const GAP = { along: 44, across: 16 } as const;

/** A box: a thing, or those of a kind that are folded away. */
export interface Box {
  readonly id: string;
  readonly kind: NodeKind;
  /** Null for a box that stands for several. */
  readonly node: LineageNode | null;
  readonly nFolded: number;
  /** How many steps from the beginning. */
  readonly column: number;
  /** Its place among those of the column, about the middle of them. */
  readonly row: number;
  /** What a click on it opens: the thing itself, else the run or the model that it belongs to. */
  readonly opens: OpenArgs | null;
  /** Ids of the boxes it came from. */
  readonly from: readonly string[];
}

/** Drawn from what was there first to what came of it. */
export interface Edge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
}

export interface Drawing {
  /** By column, and from top to bottom in it. */
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
}

const ORDER: readonly NodeKind[] = [
  'dataset',
  'snapshot',
  'git',
  'environment',
  'target',
  'run',
  'model',
  'manifest',
  'image',
  'service'
];

/** Lay a lineage out. Kinds in `unfolded` are drawn whole. */
export function layout(lineage: Lineage, unfolded: ReadonlySet<NodeKind>): Drawing {
  const nodes = new Map(lineage.nodes.map(node => [node.id, node]));
  const through = edgesOf(lineage);
  const root = lineage.nodes[0]?.id;
  const stands = folds(lineage.nodes, through, unfolded, root);
  const drawn = [...new Set([...nodes.keys()].map(id => stands.get(id) ?? id))];
  const edges = unique(through.map(([a, b]) => [stands.get(a) ?? a, stands.get(b) ?? b] as const));
  const columns = order(columnsOf(drawn, edges), edges, id => rank(id, nodes));
  const boxes = columns.flatMap((ids, column) =>
    ids.map((id, row): Box => {
      const node = nodes.get(id) ?? null;
      return {
        id,
        kind: node?.kind ?? foldedKind(id),
        node,
        nFolded: [...stands.values()].filter(at => at === id).length,
        column,
        row: row - (ids.length - 1) / 2,
        opens: node && opens(node, lineage),
        from: edges.filter(([, target]) => target === id).map(([source]) => source)
      };
    })
  );
  return {
    boxes,
    edges: edges.map(([source, target]) => ({ id: `${source} ${target}`, source, target }))
  };
}

type Pair = readonly [source: string, target: string];

/** The links turned round; without the direct way from a manifest to a service that runs its image. */
function edgesOf({ links }: Lineage): readonly Pair[] {
  const images = links.filter(link => link.relation === 'runs');
  return links
    .filter(
      ({ source, relation, target }) =>
        relation !== 'deploys' ||
        !images.some(
          image => image.source === source && target === `manifest:${image.target.replace(/^image:/, '')}`
        )
    )
    .map(({ source, target }) => [target, source]);
}

/** Return for each node that is folded away the id of the box that stands for it. */
function folds(
  nodes: readonly LineageNode[],
  edges: readonly Pair[],
  unfolded: ReadonlySet<NodeKind>,
  root: string | undefined
): ReadonlyMap<string, string> {
  const stands = new Map<string, string>();
  const served = leadsToService(edges);
  for (const kind of ORDER) {
    const all = nodes.filter(node => node.kind === kind);
    if (all.length <= FOLD_ABOVE || unfolded.has(kind)) {
      continue;
    }
    // The thing itself and what serves now say the most; then the newest.
    const worth = (node: LineageNode): number => (node.id === root ? 2 : served.has(node.id) ? 1 : 0);
    [...all]
      .sort((a, b) => worth(b) - worth(a) || madeAt(b) - madeAt(a))
      .slice(KEPT)
      .forEach(node => stands.set(node.id, `fold:${kind}`));
  }
  return stands;
}

function leadsToService(edges: readonly Pair[]): ReadonlySet<string> {
  const found = new Set<string>();
  let grown = edges.filter(([, target]) => target.startsWith('service:')).map(([source]) => source);
  while (grown.length) {
    const fresh = grown.filter(id => !found.has(id));
    fresh.forEach(id => found.add(id));
    grown = edges.filter(([, target]) => fresh.includes(target)).map(([source]) => source);
  }
  return found;
}

function madeAt(node: LineageNode): number {
  const at = node.facts.created_at ?? node.facts.started_at;
  return typeof at === 'number' ? at : 0;
}

function foldedKind(id: string): NodeKind {
  return id.slice('fold:'.length) as NodeKind;
}

function unique(pairs: readonly Pair[]): readonly Pair[] {
  const seen = new Map(pairs.filter(([a, b]) => a !== b).map(pair => [pair.join(' '), pair]));
  return [...seen.values()];
}

/** Put each id into the column after the last of those that it came from; what came from nothing right before its first use. */
function columnsOf(ids: readonly string[], edges: readonly Pair[]): readonly (readonly string[])[] {
  const into = grouped(edges.map(([a, b]) => [b, a]));
  const outOf = grouped(edges);
  const depths = new Map<string, number>();
  const depth = (id: string, path: ReadonlySet<string>): number => {
    const known = depths.get(id);
    if (known !== undefined || path.has(id)) {
      return known ?? 0; // a circle cannot be, but what is stored may be anything
    }
    const below = new Set(path).add(id);
    const found = Math.max(0, ...(into.get(id) ?? []).map(from => depth(from, below) + 1));
    depths.set(id, found);
    return found;
  };
  const columns = new Map<number, string[]>();
  for (const id of ids) {
    const uses = into.has(id) ? [] : (outOf.get(id) ?? []).map(to => depth(to, new Set()));
    const column = uses.length ? Math.max(0, Math.min(...uses) - 1) : depth(id, new Set());
    columns.set(column, [...(columns.get(column) ?? []), id]);
  }
  return [...columns].sort(([a], [b]) => a - b).map(([, column]) => column);
}

/** Order each column so that few lines cross: by the mean place of what a box is connected with. */
function order(
  columns: readonly (readonly string[])[],
  edges: readonly Pair[],
  rankOf: (id: string) => number
): readonly (readonly string[])[] {
  const near = grouped(edges.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));
  const sorted = columns.map(ids => [...ids].sort((a, b) => rankOf(a) - rankOf(b)));
  for (let pass = 0; pass < 4; pass++) {
    for (const ids of pass % 2 ? [...sorted].reverse() : sorted) {
      const places = new Map(sorted.flatMap(column => column.map((id, at) => [id, at - column.length / 2])));
      const mean = (id: string): number => {
        const found = (near.get(id) ?? []).filter(other => !ids.includes(other));
        return found.length
          ? found.reduce((sum, other) => sum + (places.get(other) ?? 0), 0) / found.length
          : 0;
      };
      const means = new Map(ids.map(id => [id, mean(id)]));
      ids.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0) || rankOf(a) - rankOf(b));
    }
  }
  return sorted;
}

function rank(id: string, nodes: ReadonlyMap<string, LineageNode>): number {
  const node = nodes.get(id);
  // What stands for many comes below those that are drawn.
  return node ? ORDER.indexOf(node.kind) : ORDER.indexOf(foldedKind(id)) + 0.5;
}

function grouped(pairs: readonly Pair[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [from, to] of pairs) {
    const known = found.get(from);
    if (known) {
      known.push(to);
    } else {
      found.set(from, [to]);
    }
  }
  return found;
}

function opens(node: LineageNode, lineage: Lineage): OpenArgs | null {
  const at = (relation: string): LineageNode | undefined => {
    const id = lineage.links.find(link => link.source === node.id && link.relation === relation)?.target;
    return lineage.nodes.find(one => one.id === id);
  };
  if (node.missing) {
    return null;
  }
  switch (node.kind) {
    case 'run':
    case 'model':
    case 'service':
      return { kind: node.kind, subject: node.name };
    case 'manifest': {
      const model = at('serves');
      return model ? opens(model, lineage) : null;
    }
    case 'image': {
      const manifest = at('built from');
      return manifest ? opens(manifest, lineage) : null;
    }
    default: {
      const run = lineage.links.find(link => link.target === node.id)?.source.replace(/^run:/, '');
      return run === undefined ? null : { kind: 'run', subject: run };
    }
  }
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a box's corner is: from left to right, or from top to bottom. */
export function placeOf({ column, row }: Box, isDown: boolean, scale = 1): Point {
  return isDown
    ? { x: row * (BOX.width + GAP.across) * scale, y: column * (BOX.height + GAP.along) * scale }
    : { x: column * (BOX.width + GAP.along) * scale, y: row * (BOX.height + GAP.across) * scale };
}

/** Whether the graph is shown larger from top to bottom than from left to right, in a frame of this size. */
export function isBetterDown({ boxes }: Drawing, width: number, height: number): boolean {
  const scale = (isDown: boolean): number => {
    const places = boxes.map(box => placeOf(box, isDown));
    const extent = (values: readonly number[], own: number): number =>
      Math.max(...values) - Math.min(...values) + own;
    return Math.min(
      width /
        extent(
          places.map(place => place.x),
          BOX.width
        ),
      height /
        extent(
          places.map(place => place.y),
          BOX.height
        )
    );
  };
  // Reading goes from left to right: only a clear gain is worth the turn.
  return boxes.length > 0 && Math.min(1, scale(true)) > 1.15 * Math.min(1, scale(false));
}

const STEPS: Readonly<Record<string, readonly [column: number, row: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};
const TURNED: Readonly<Record<string, string>> = {
  ArrowLeft: 'ArrowUp',
  ArrowRight: 'ArrowDown',
  ArrowUp: 'ArrowLeft',
  ArrowDown: 'ArrowRight'
};

/** Which box is next to one in a direction of the arrow keys: the nearest by its place. */
export function neighbour(boxes: readonly Box[], id: string, key: string, isDown = false): Box | null {
  const from = boxes.find(box => box.id === id);
  const [columns, rows] = STEPS[isDown ? (TURNED[key] ?? '') : key] ?? [0, 0];
  if (!from || (!columns && !rows)) {
    return null;
  }
  const ahead = boxes.filter(box =>
    columns
      ? box.column === from.column + columns
      : box.column === from.column && (box.row - from.row) * rows > 0
  );
  const far = (box: Box): number => Math.abs(box.row - from.row);
  return ahead.reduce<Box | null>((best, box) => (best && far(best) <= far(box) ? best : box), null);
}
