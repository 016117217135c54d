/** Rows that every section has: a fact, what to type where nothing is, and what went wrong. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { clip } from '../common/format';
import { Prose } from '../common/ui/prose';
import type { FactNode, HintNode, ProblemNode } from './model';

export function FactRow({ node }: { readonly node: FactNode }): JSX.Element {
  const trans = useTrans();
  const value = clip(node.value);
  return (
    <span
      className={`jp-Mlops-fact${node.tone === 'error' ? ' jp-mod-error' : ''}`}
      title={node.link ? trans.__('%1 (click to open)', value) : trans.__('%1 (click to copy)', value)}
    >
      <bdi className="jp-Mlops-factName">{clip(node.name)}</bdi>
      <bdi className={`jp-Mlops-factValue${node.link ? ' jp-mod-link' : ''}`}>{value}</bdi>
    </span>
  );
}

export function HintRow({ node }: { readonly node: HintNode }): JSX.Element {
  const trans = useTrans();
  const text = node.code ? node.label.slice(0, -node.code.length) : node.label;
  return (
    <span className="jp-Mlops-hint">
      {text}
      {node.code && <code title={trans.__('Click to copy')}>{node.code}</code>}
    </span>
  );
}

export function ProblemRow({ node }: { readonly node: ProblemNode }): JSX.Element {
  return (
    <span className="jp-Mlops-problem">
      <span>{node.label}</span>
      {node.hint && (
        <span className="jp-Mlops-problemHint">
          <Prose text={node.hint} />
        </span>
      )}
    </span>
  );
}
