/** The filter, what is shown beside runs, and the tree. */

import { useCallback, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useCan, useSession, useTrans } from '../api/context';
import type { ApiError } from '../api/errors';
import { CommandIDs } from '../commands';
import type { OpenArgs } from '../commands';
import { MetricsIcon } from '../common/icons';
import { Below, Trouble } from '../common/ui/told';
import { WhereBox } from '../common/where/view';
import { AUTOMATIC, experimentId, shownOf } from '../runs/model';
import type { Chosen } from '../runs/model';
import { MetricPicker } from '../runs/picker';
import type { Folds } from '../tree/model';
import { Tree } from '../tree/panel';
import type { Selecting } from '../tree/panel';
import { menuOf } from './menu';
import { commonTrouble, sectionId, sections, withFold } from './model';
import type { Contents, PanelNode } from './model';
import { useMenu } from './openmenu';
import type { Revealed, SidebarProps } from './panel';
import { useContents } from './queries';
import { drawNode } from './rows';

export interface ListsProps extends SidebarProps {
  /** The id of the workspace. */
  readonly workspace: string;
  /** What is wrong with all of it, if anything is. */
  readonly trouble: ApiError | null;
  /** Whether what is shown may have changed since. */
  readonly isOld: boolean;
}

export function Lists(props: ListsProps): JSX.Element {
  const trans = useTrans();
  const [typed, setTyped] = useState('');
  const { folds, onFold, target } = useFolds(props);
  const [chosen, setChosen] = useState(props.chosen[props.workspace] ?? AUTOMATIC);
  const [picking, setPicking] = useState(false);
  const { contents, filter, wrong, onSee } = useContents(typed, folds);
  const trouble = props.trouble ?? commonTrouble(contents);
  const forest = useMemo(
    () => sections(contents, filter || typed, chosen, trans, trouble),
    [contents, filter, typed, chosen, trans, trouble]
  );
  const { said, ...acts } = useActs(props.copy);
  const { selected, onSelect, runsWith } = useSelection();
  const canWrite = useCan('write');
  const openMenu = useMenu();

  const onChoose = (next: Chosen): void => {
    setChosen(next);
    props.keepChosen(props.workspace, next);
  };
  const actions = useMemo(
    () => ({ copy: acts.onCopy, cancel: canWrite ? acts.onCancel : null, canWrite }),
    [acts.onCopy, acts.onCancel, canWrite]
  );
  const draw = useCallback((node: PanelNode) => drawNode(node, actions), [actions]);

  return (
    <Below error={trouble}>
      {trouble && <Trouble error={trouble} />}
      <div className="jp-Mlops-filter">
        <WhereBox
          value={typed}
          onChange={setTyped}
          label={trans.__('Filter by name, metric, parameter, state')}
          placeholder={trans.__('Filter: a name, metrics.auc > 0.9 …')}
          error={wrong}
        />
        <PickerButton isOpen={picking} onClick={() => setPicking(!picking)} />
      </div>
      {picking && (
        <MetricPicker
          chosen={chosen}
          automatic={automaticOf(contents, trans)}
          onChoose={onChoose}
          onClose={() => setPicking(false)}
        />
      )}
      <Tree<PanelNode>
        label={trans.__('Experiments, models, services and activities')}
        forest={forest}
        folds={folds}
        selected={selected}
        onFold={onFold}
        onSelect={onSelect}
        onOpen={acts.onOpen}
        onAct={acts.onAct}
        onMenu={(node, place) => openMenu(menuOf(node, runsWith(node), canWrite), place)}
        menuLabel={node =>
          menuOf(node, [], canWrite).length ? trans.__('More for %1', node.label.slice(0, 100)) : null
        }
        onSee={onSee}
        target={target}
        isOld={props.isOld || trouble?.kind === 'forbidden'}
        draw={draw}
      />
      <div className="jp-Mlops-said" role="status">
        {said}
      </div>
    </Below>
  );
}

interface Folding {
  readonly folds: Folds;
  readonly onFold: (id: string, open: boolean) => void;
  /** The section that was asked for. */
  readonly target: { readonly id: string } | null;
}

function useFolds({ folds: kept, keepFolds, revealed = null }: SidebarProps): Folding {
  const [folds, setFolds] = useState(kept);
  const [seen, setSeen] = useState<Revealed | null>(null);
  if (revealed !== seen) {
    setSeen(revealed);
    if (revealed) {
      setFolds(withFold(folds, sectionId(revealed.section), true));
    }
  }
  const onFold = (id: string, open: boolean): void => {
    const next = withFold(folds, id, open);
    setFolds(next);
    keepFolds(next);
  };
  const target = useMemo(() => revealed && { id: sectionId(revealed.section) }, [revealed]);
  return { folds, onFold, target };
}

function PickerButton(props: { readonly isOpen: boolean; readonly onClick: () => void }): JSX.Element {
  const label = useTrans().__('Choose the metrics beside runs');
  return (
    <button
      type="button"
      className="jp-Mlops-action jp-mod-picker"
      title={label}
      aria-label={label}
      aria-expanded={props.isOpen}
      onClick={props.onClick}
    >
      <MetricsIcon />
    </button>
  );
}

/** The metrics that are shown of the first experiment that is known, while nobody chose any. */
function automaticOf(contents: Contents, trans: ReturnType<typeof useTrans>): readonly string[] {
  const known = contents.runs.data;
  const first = known?.experiments
    .map(({ name }) => known.pages.get(experimentId(name)))
    .find(pages => pages !== undefined);
  return first ? shownOf(AUTOMATIC, first, trans).metrics : [];
}

interface Acts {
  /** What was just done, for screen readers. */
  readonly said: string;
  readonly onCopy: (text: string) => void;
  readonly onCancel: (activity: string) => void;
  readonly onOpen: (node: PanelNode) => void;
  readonly onAct: (node: PanelNode) => void;
}

/** What rows do. */
function useActs(copy: (text: string) => void): Acts {
  const session = useSession();
  const trans = useTrans();
  const [said, setSaid] = useState('');
  const onCopy = useCallback(
    (text: string) => {
      copy(text);
      setSaid(trans.__('Copied %1', text.slice(0, 200)));
    },
    [copy, trans]
  );
  const onCancel = useCallback(
    (activity: string) => void session.run(CommandIDs.cancelActivity, { activity }),
    [session]
  );
  const open = (args: OpenArgs): void => void session.run(CommandIDs.open, args);
  const onAct = (node: PanelNode): void => {
    if (node.kind === 'more') {
      open({ kind: 'run', subject: node.run });
    } else if (node.kind === 'fact') {
      if (node.link) {
        open(node.link);
      } else {
        onCopy(node.value);
      }
    } else if (node.kind === 'hint' && node.code) {
      onCopy(node.code);
    }
  };
  const onOpen = (node: PanelNode): void => {
    const args = placeOf(node);
    if (args) {
      open(args);
    }
  };
  return { said, onCopy, onCancel, onOpen, onAct };
}

/** Where in the main area a node has its place. */
function placeOf(node: PanelNode): OpenArgs | null {
  switch (node.kind) {
    case 'experiment':
      return { kind: 'experiment', subject: node.experiment.name };
    case 'run':
      return { kind: 'run', subject: node.run.id };
    case 'model':
      return { kind: 'model', subject: node.model.name };
    case 'version':
      return { kind: 'model', subject: `${node.version.name}:${node.version.version}` };
    case 'service':
      return { kind: 'service', subject: node.service.name };
    default:
      return null;
  }
}

type RunNodes = Extract<PanelNode, { kind: 'run' }>;

interface Selection {
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (nodes: readonly PanelNode[], how: Selecting) => void;
  /** The selected runs, if the node is one of them; else that run alone. */
  readonly runsWith: (node: PanelNode) => readonly RunNodes['run'][];
}

function useSelection(): Selection {
  const [nodes, setNodes] = useState<ReadonlyMap<string, PanelNode>>(new Map());
  const onSelect = (some: readonly PanelNode[], how: Selecting): void =>
    setNodes(before => {
      const named = some.map(node => [node.id, node] as const);
      if (how !== 'toggle') {
        return new Map(named);
      }
      const next = new Map(before);
      named.forEach(([id, node]) => next.delete(id) || next.set(id, node));
      return next;
    });
  const runsWith = (node: PanelNode): readonly RunNodes['run'][] => {
    const among = nodes.has(node.id) ? [...nodes.values()] : [node];
    return among.flatMap(one => (one.kind === 'run' ? [one.run] : []));
  };
  return { selected: useMemo(() => new Set(nodes.keys()), [nodes]), onSelect, runsWith };
}
