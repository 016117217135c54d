/** The sidebar's content. */

import { useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { ActivityRow } from '../activities/panel';
import type { Client } from '../api/client';
import { asApiError } from '../api/errors';
import {
  useActivities,
  useExperiments,
  useModels,
  useMoreRuns,
  useRecentRuns,
  useServices,
  useWorkspace
} from '../api/queries';
import { ModelRow, VersionRow } from '../models/panel';
import { ExperimentRow, MoreRow, RunRow } from '../runs/panel';
import { ServiceRow } from '../services/panel';
import type { Folds } from '../tree/model';
import { Tree } from '../tree/panel';
import { FactRow, HintRow, ProblemRow } from '../tree/rows';
import { WorkspaceHeader } from '../workspace/panel';
import { sections, versionNotice, withFold } from './model';
import type { PanelNode } from './model';

const RECENT_RUNS = 100;
const FILTERED_RUNS = 500;
const MORE_RUNS = 100;
const ACTIVITIES = 20;

export interface SidebarProps {
  readonly client: Client;
  /** What was folded when Lab was last open. */
  readonly folds: Folds;
  readonly keepFolds: (folds: Folds) => void;
  readonly copy: (text: string) => void;
}

export function Sidebar(props: SidebarProps): JSX.Element {
  const workspace = useWorkspace(props.client);
  if (workspace.data) {
    return (
      <div className="jp-Mlops-panel">
        <WorkspaceHeader workspace={workspace.data} />
        <Notice
          text={workspace.error ? asApiError(workspace.error).message : versionNotice(workspace.data)}
        />
        <Lists {...props} />
      </div>
    );
  }
  if (workspace.error) {
    const error = asApiError(workspace.error);
    if (error.kind === 'empty') {
      return (
        <div className="jp-Mlops-panel">
          <div className="jp-Mlops-welcome">
            <strong>No workspace yet.</strong>
            <p>
              The first run makes one. In a notebook, run <code>%load_ext jupyter_mlops</code> once, then
              begin a cell with <code>%%ml run</code>.
            </p>
            <p>{error.message}</p>
          </div>
        </div>
      );
    }
    return (
      <div className="jp-Mlops-panel">
        <div className="jp-Mlops-failure" role="alert">
          <strong>{error.message}</strong>
          {error.hint && <p>{error.hint}</p>}
        </div>
      </div>
    );
  }
  return (
    <div className="jp-Mlops-panel" aria-busy="true">
      <div className="jp-Mlops-wait">Looking for the workspace…</div>
    </div>
  );
}

function Notice({ text }: { readonly text: string | null }): JSX.Element | null {
  return text === null ? null : (
    <div className="jp-Mlops-notice" role="status">
      {text}
    </div>
  );
}

function Lists({ client, folds: keptFolds, keepFolds, copy }: SidebarProps): JSX.Element {
  const [filter, setFilter] = useState('');
  const [folds, setFolds] = useState(keptFolds);
  const [asked, setAsked] = useState<Readonly<Record<string, number>>>({});
  const [said, setSaid] = useState('');

  const wanted = filter.trim();
  const experiments = useExperiments(client, true);
  const nRecent = wanted ? FILTERED_RUNS : RECENT_RUNS;
  const recent = useRecentRuns(client, nRecent, true);
  const of = useMoreRuns(client, asked);
  const models = useModels(client, true);
  const services = useServices(client, true);
  const activities = useActivities(client, ACTIVITIES, true);
  const forest = sections(
    {
      experiments,
      runs: {
        data: recent.data && { recent: { runs: recent.data, all: recent.data.length < nRecent }, of },
        error: recent.error
      },
      models,
      services,
      activities
    },
    wanted
  );

  const onFold = (id: string, open: boolean): void => {
    const next = withFold(folds, id, open);
    setFolds(next);
    keepFolds(next);
  };
  const onCopy = (text: string): void => {
    copy(text);
    setSaid(`Copied ${text}`);
  };
  const onAct = (node: PanelNode): void => {
    if (node.kind === 'more') {
      setAsked({ ...asked, [node.experiment]: (asked[node.experiment] ?? RECENT_RUNS) + MORE_RUNS });
    } else if (node.kind === 'fact') {
      onCopy(node.value);
    } else if (node.kind === 'hint' && node.code) {
      onCopy(node.code);
    }
  };

  return (
    <>
      <div className="jp-Mlops-filter">
        <input
          type="search"
          className="jp-mod-styled"
          placeholder="Filter: name, metric, state …"
          aria-label="Filter by name, metric, parameter, state"
          title="Filter by name, metric, parameter, state"
          value={filter}
          onChange={event => setFilter(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && filter) {
              event.stopPropagation();
              setFilter('');
            }
          }}
        />
      </div>
      <Tree<PanelNode>
        label="Experiments, models, services and activities"
        forest={forest}
        folds={folds}
        onFold={onFold}
        onAct={onAct}
        draw={node => drawNode(node, onCopy)}
      />
      <div className="jp-Mlops-said" role="status">
        {said}
      </div>
    </>
  );
}

function drawNode(node: PanelNode, copy: (text: string) => void): ReactNode {
  switch (node.kind) {
    case 'section':
      return (
        <>
          <span className="jp-Mlops-name">{node.label}</span>
          {node.n !== null && node.n > 0 && <span className="jp-Mlops-aside">{node.n}</span>}
        </>
      );
    case 'experiment':
      return <ExperimentRow node={node} />;
    case 'run':
      return <RunRow node={node} />;
    case 'more':
      return <MoreRow node={node} />;
    case 'model':
      return <ModelRow node={node} />;
    case 'version':
      return <VersionRow node={node} />;
    case 'service':
      return <ServiceRow node={node} copy={copy} />;
    case 'activity':
      return <ActivityRow node={node} />;
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
