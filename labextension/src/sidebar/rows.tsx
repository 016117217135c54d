/** Draws each kind of node. */

import type { JSX, ReactNode } from 'react';

import { ActivityRow } from '../activities/panel';
import { useSession, useTrans } from '../api/context';
import { CommandIDs } from '../commands';
import { PlayIcon, PlusIcon, TableIcon } from '../common/icons';
import { HostRow } from '../hosts/panel';
import { ModelRow, VersionRow } from '../models/panel';
import { ImageRow, ManifestRow } from '../packing/panel';
import { ChildrenRow, ExperimentRow, MoreRow, RunRow, SlotRow } from '../runs/panel';
import { ServiceRow } from '../services/panel';
import { SnapshotRow } from '../snapshots/panel';
import { FactRow, HintRow, ProblemRow } from '../tree/rows';
import { sectionEntries } from './menu';
import type { Entry } from './menu';
import type { PanelNode, SectionNode } from './model';

export interface RowActions {
  readonly copy: (text: string) => void;
  /** Null where this person may only look. */
  readonly cancel: ((activity: string) => void) | null;
  readonly canWrite: boolean;
}

export function drawNode(node: PanelNode, actions: RowActions): ReactNode {
  switch (node.kind) {
    case 'section':
      return <SectionRow node={node} actions={actions} />;
    case 'experiment':
      return <ExperimentRow node={node} />;
    case 'run':
      return <RunRow node={node} />;
    case 'children':
      return <ChildrenRow node={node} />;
    case 'slot':
      return <SlotRow />;
    case 'more':
      return <MoreRow node={node} />;
    case 'model':
      return <ModelRow node={node} />;
    case 'version':
      return <VersionRow node={node} />;
    case 'service':
      return <ServiceRow node={node} copy={actions.copy} />;
    case 'activity':
      return <ActivityRow node={node} cancel={actions.cancel} />;
    case 'host':
      return <HostRow node={node} />;
    case 'snapshot':
      return <SnapshotRow node={node} />;
    case 'manifest':
      return <ManifestRow node={node} />;
    case 'image':
      return <ImageRow node={node} />;
    case 'fact':
      return <FactRow node={node} />;
    case 'hint':
      return <HintRow node={node} />;
    case 'problem':
      return <ProblemRow node={node} />;
    case 'wait':
      return <span className="jp-Mlops-hint">{node.label}…</span>;
  }
}

function SectionRow(props: { readonly node: SectionNode; readonly actions: RowActions }): JSX.Element {
  const { node, actions } = props;
  const session = useSession();
  const trans = useTrans();
  const entries = sectionEntries(node.section).filter(entry => actions.canWrite || !entry.writes);
  return (
    <>
      <span className="jp-Mlops-name">{node.title}</span>
      {node.n !== null && node.n > 0 && <span className="jp-Mlops-count">{node.n}</span>}
      <span className="jp-Mlops-grow" />
      {entries.map(entry => (
        <HeadButton
          key={entry.command}
          label={labelOf(entry, trans)}
          onClick={() => void session.run(entry.command, entry.args)}
        >
          {iconOf(entry)}
        </HeadButton>
      ))}
    </>
  );
}

function labelOf({ command }: Entry, trans: ReturnType<typeof useTrans>): string {
  switch (command) {
    case CommandIDs.open:
      return trans.__('Table of all runs');
    case CommandIDs.runFile:
      return trans.__('Run a file…');
    case CommandIDs.registerModel:
      return trans.__('Register a model…');
    case CommandIDs.deploy:
      return trans.__('Deploy a model…');
    case CommandIDs.addHost:
      return trans.__('Add a host…');
    case CommandIDs.snapshotFolder:
      return trans.__('Take a snapshot…');
    default:
      return trans.__('Create a manifest…');
  }
}

function iconOf({ command }: Entry): JSX.Element {
  return command === CommandIDs.open ? (
    <TableIcon />
  ) : command === CommandIDs.runFile ? (
    <PlayIcon />
  ) : (
    <PlusIcon />
  );
}

function HeadButton(props: {
  readonly label: string;
  readonly onClick: () => void;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Mlops-action"
      title={props.label}
      aria-label={props.label}
      // The section's menu has the same for who uses the keyboard.
      tabIndex={-1}
      onClick={event => {
        event.stopPropagation();
        props.onClick();
      }}
    >
      {props.children}
    </button>
  );
}
