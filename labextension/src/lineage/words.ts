/** What a lineage's boxes say: what kind of thing it is, its name, and how it is. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { LineageNode, RunStatus, Service } from '../api/types';
import type { Tone } from '../common/icons';
import { RUN_TONES, runWords, SERVICE_TONES, serviceWord } from '../common/status';
import type { Box, NodeKind } from './model';

export interface Said {
  readonly kind: string;
  readonly name: string;
  readonly state: string;
  readonly tone: Tone | null;
}

export function kindName(kind: NodeKind, trans: TranslationBundle): string {
  const names: Readonly<Record<NodeKind, string>> = {
    dataset: trans.__('Dataset'),
    snapshot: trans.__('Snapshot'),
    git: trans.__('Commit'),
    environment: trans.__('Environment'),
    target: trans.__('Target'),
    run: trans.__('Run'),
    model: trans.__('Model'),
    manifest: trans.__('Manifest'),
    image: trans.__('Image'),
    service: trans.__('Service')
  };
  return names[kind];
}

/** How the folded ones of a kind are counted. */
export function folded(kind: NodeKind, n: number, trans: TranslationBundle): string {
  switch (kind) {
    case 'manifest':
      return trans._n('%1 more manifest', '%1 more manifests', n);
    case 'image':
      return trans._n('%1 more image', '%1 more images', n);
    case 'model':
      return trans._n('%1 more version', '%1 more versions', n);
    case 'run':
      return trans._n('%1 more run', '%1 more runs', n);
    case 'dataset':
      return trans._n('%1 more dataset', '%1 more datasets', n);
    case 'service':
      return trans._n('%1 more service', '%1 more services', n);
    default:
      return trans._n('%1 more', '%1 more', n);
  }
}

export function said(box: Box, trans: TranslationBundle): Said {
  const kind = kindName(box.kind, trans);
  if (box.node === null) {
    return { kind, name: folded(box.kind, box.nFolded, trans), state: trans.__('show them'), tone: null };
  }
  if (box.node.missing) {
    return { kind, name: nameOf(box.node), state: trans.__('gone'), tone: 'warn' };
  }
  return { kind, name: nameOf(box.node), ...stateOf(box.node, trans) };
}

/** One sentence for screen readers and the list. */
export function sentence(box: Box, boxes: readonly Box[], trans: TranslationBundle): string {
  const { kind, name, state } = said(box, trans);
  const own = [`${kind} ${name}`, state].filter(Boolean).join(', ');
  const origins = boxes
    .filter(other => box.from.includes(other.id))
    .map(other => {
      const from = said(other, trans);
      return `${from.kind} ${from.name}`;
    });
  return origins.length ? trans.__('%1; from %2', own, origins.join(', ')) : own;
}

function nameOf({ kind, name, facts }: LineageNode): string {
  switch (kind) {
    case 'run':
      return text(facts.name) || name;
    case 'git':
      return name.slice(0, 10);
    case 'dataset':
      return text(facts.name) || name;
    case 'environment':
      return text(facts.python) ? `Python ${text(facts.python)}` : name;
    case 'target':
      return text(facts.target) || name;
    case 'image':
      return text(facts.tag) || name;
    default:
      return name;
  }
}

function stateOf(node: LineageNode, trans: TranslationBundle): Pick<Said, 'state' | 'tone'> {
  const { facts } = node;
  switch (node.kind) {
    case 'run':
      return {
        state: runWords(trans)[facts.status as RunStatus],
        tone: RUN_TONES[facts.status as RunStatus]
      };
    case 'service':
      return {
        state: serviceWord(facts.state as Service['state'], trans),
        tone: SERVICE_TONES[facts.state as Service['state']]
      };
    case 'model':
      return {
        state: [text(facts.flavor), ...list(facts.aliases).map(alias => `@${alias}`)].join(' '),
        tone: null
      };
    case 'snapshot': {
      const n = Number(facts.n_files ?? 0);
      return { state: trans._n('%1 file', '%1 files', n), tone: null };
    }
    case 'git':
      return { state: text(facts.branch), tone: null };
    case 'environment': {
      const n = Object.keys((facts.packages as object | undefined) ?? {}).length;
      return { state: trans._n('%1 package', '%1 packages', n), tone: null };
    }
    case 'dataset':
      return { state: text(facts.context), tone: null };
    case 'target':
      return { state: text(facts.node), tone: null };
    case 'manifest': {
      const n = list(facts.requirements).length;
      const python = `Python ${text(facts.python)}`;
      return { state: `${python}, ${trans._n('%1 package', '%1 packages', n)}`, tone: null };
    }
    case 'image':
      return { state: text(facts.image_id).replace('sha256:', '').slice(0, 12), tone: null };
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
