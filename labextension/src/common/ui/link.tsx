/** What reads as a link and stays in this page. */

import type { JSX, ReactNode } from 'react';

import { useSession } from '../../api/context';
import { CommandIDs } from '../../commands';
import type { Kind } from '../../commands';

export interface LinkButtonProps {
  readonly onClick: () => void;
  readonly children: ReactNode;
  readonly title?: string;
  /** What is read out, where the text alone does not say it. */
  readonly label?: string;
  /** For what unfolds something below it. */
  readonly expanded?: boolean;
  readonly isDisabled?: boolean;
  /** Its text is code: a path, a digest. */
  readonly isCode?: boolean;
  readonly tabIndex?: number;
}

export function LinkButton(props: LinkButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className={`jp-Mlops-link${props.isCode ? ' jp-mod-code' : ''}`}
      title={props.title}
      tabIndex={props.tabIndex}
      aria-label={props.label}
      aria-expanded={props.expanded}
      aria-disabled={props.isDisabled}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

/** The name of something in the workspace, which opens it. */
export function OpenLink(props: {
  readonly kind: Kind;
  readonly subject: string;
  readonly name: string;
  readonly title?: string;
}): JSX.Element {
  const { kind, subject, name } = props;
  const session = useSession();
  return (
    <LinkButton
      {...(props.title && { title: props.title })}
      onClick={() => void session.run(CommandIDs.open, { kind, subject })}
    >
      <bdi>{name}</bdi>
    </LinkButton>
  );
}
