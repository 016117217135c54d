/** Rows that every section has: a fact, what to type where nothing is, and what went wrong. */

import type { JSX } from 'react';

import type { FactNode, HintNode, ProblemNode } from './model';

export function FactRow({ node }: { readonly node: FactNode }): JSX.Element {
  return (
    <span
      className={`jp-Mlops-fact${node.tone === 'error' ? ' jp-mod-error' : ''}`}
      title={`${node.value} (click to copy)`}
    >
      <span className="jp-Mlops-factName">{node.name}</span>
      <span className="jp-Mlops-factValue">{node.value}</span>
    </span>
  );
}

export function HintRow({ node }: { readonly node: HintNode }): JSX.Element {
  const text = node.code ? node.label.slice(0, -node.code.length) : node.label;
  return (
    <span className="jp-Mlops-hint">
      {text}
      {node.code && <code title="Click to copy">{node.code}</code>}
    </span>
  );
}

export function ProblemRow({ node }: { readonly node: ProblemNode }): JSX.Element {
  return (
    <span className="jp-Mlops-problem">
      <span>{node.label}</span>
      {node.hint && <span className="jp-Mlops-problemHint">{node.hint}</span>}
    </span>
  );
}
