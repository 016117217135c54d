/** The frame of a view in the main area: its head with a toolbar, sections, and lists of names and values. */

import type { JSX, ReactNode } from 'react';

export interface ViewHeadProps {
  readonly title: string;
  /** Beside the title: state, badges. */
  readonly status?: ReactNode;
  /** A line below the title. */
  readonly about?: ReactNode;
  /** Buttons. */
  readonly children?: ReactNode;
  readonly toolbarLabel: string;
}

export function ViewHead(props: ViewHeadProps): JSX.Element {
  return (
    <div className="jp-Mlops-head">
      <div className="jp-Mlops-headText">
        <h1 className="jp-Mlops-headTitle" title={props.title.slice(0, 500)}>
          <bdi>{props.title}</bdi>
          {props.status}
        </h1>
        {props.about && <div className="jp-Mlops-headAbout">{props.about}</div>}
      </div>
      {props.children && (
        <div className="jp-Mlops-toolbar" role="toolbar" aria-label={props.toolbarLabel}>
          {props.children}
        </div>
      )}
    </div>
  );
}

/** A titled part of a view. */
export function Part(props: {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <section className="jp-Mlops-part">
      <div className="jp-Mlops-partHead">
        <h2>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

export interface Fact {
  readonly name: string;
  readonly value: ReactNode;
  readonly title?: string;
}

/** Names and values. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl className="jp-Mlops-facts">
      {facts.map(({ name, value, title }) => (
        <div key={name}>
          <dt title={name}>
            <bdi>{name}</bdi>
          </dt>
          <dd title={title}>{typeof value === 'string' ? <bdi>{value}</bdi> : value}</dd>
        </div>
      ))}
    </dl>
  );
}
