/** The buttons above the table: how runs are shown, and what is done with those that are selected. */

import { Notification } from '@jupyterlab/apputils';
import { useState } from 'react';
import type { JSX } from 'react';

import { useCan, useSession, useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import { CommandIDs } from '../commands';
import { Actions } from '../common/ui/actions';
import type { Action } from '../common/ui/actions';
import { Button } from '../common/ui/button';
import { fieldOf, isOurs } from './model';
import type { KeptColumn, KnownField, TableState } from './model';
import { Picker } from './picker';
import type { Selection } from './select';

/** A run's own fields that few values are shared in. */
const GROUPABLE = ['status', 'actor', 'project', 'experiment', 'name'] as const;

export interface ToolsProps {
  readonly state: TableState;
  readonly columns: readonly KeptColumn[];
  readonly known: readonly KnownField[];
  readonly ownWords: Readonly<Record<string, string>>;
  readonly isTrash: boolean;
  readonly onChange: (change: Partial<TableState>) => void;
  readonly onTrash: (isTrash: boolean) => void;
  readonly onChoose: (id: string, isChosen: boolean) => void;
  readonly onExport: () => Promise<void>;
}

export function Tools(props: ToolsProps): JSX.Element {
  const trans = useTrans();
  const { state, isTrash, onChange } = props;
  const [isExporting, setExporting] = useState(false);
  const isFiltered = state.where.trim() !== '';
  const actions: readonly Action[] = [
    {
      id: 'csv',
      label: trans.__('Export CSV'),
      busy: isExporting,
      title: trans.__(
        'Save all that matches, in this order and with these columns, as a file for spreadsheets'
      ),
      onClick: () => {
        setExporting(true);
        props
          .onExport()
          .catch((error: unknown) => Notification.error(asApiError(error).message))
          .finally(() => setExporting(false));
      }
    },
    {
      id: 'folds',
      label: trans.__('Fold Children'),
      pressed: state.folds,
      refused:
        state.by || isTrash || isFiltered
          ? trans.__('Child runs are folded only where there is no filter, no grouping and no trash')
          : null,
      title: trans.__('Show child runs folded under their parents'),
      onClick: () => onChange({ folds: !state.folds })
    },
    {
      id: 'trash',
      label: trans.__('Trash'),
      pressed: isTrash,
      title: trans.__('Show deleted runs, which can be restored'),
      onClick: () => props.onTrash(!isTrash)
    }
  ];
  return (
    <>
      <GroupBy {...props} />
      <ColumnsButton {...props} />
      <Actions actions={actions} />
    </>
  );
}

function GroupBy({ state, known, ownWords, onChange }: ToolsProps): JSX.Element {
  const trans = useTrans();
  const of = (group: 'params' | 'tags'): readonly string[] =>
    known.map(one => one.field).filter(id => fieldOf(id).group === group && !isOurs(id));
  const options = (ids: readonly string[]): JSX.Element[] =>
    ids.map(id => (
      <option key={id} value={id}>
        {fieldOf(id).key.slice(0, 100)}
      </option>
    ));
  const [params, tags] = [of('params'), of('tags')];
  const isKnown = state.by === '' || [...GROUPABLE, ...params, ...tags].some(id => id === state.by);
  return (
    <label className="jp-MlopsTable-by">
      {trans.__('Group by')}
      <select
        className="jp-mod-styled"
        value={state.by}
        onChange={event => onChange({ by: event.currentTarget.value, order: null })}
      >
        <option value="">{trans.__('nothing')}</option>
        {!isKnown && options([state.by])}
        {params.length > 0 && <optgroup label={trans.__('Parameters')}>{options(params)}</optgroup>}
        {tags.length > 0 && <optgroup label={trans.__('Tags')}>{options(tags)}</optgroup>}
        <optgroup label={trans.__('Run')}>
          {GROUPABLE.map(id => (
            <option key={id} value={id}>
              {ownWords[id]}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}

function ColumnsButton(props: ToolsProps): JSX.Element {
  const trans = useTrans();
  const [isOpen, setOpen] = useState(false);
  return (
    <span className="jp-MlopsTable-columns">
      <Button pressed={isOpen} onClick={() => setOpen(!isOpen)}>
        {trans.__('Columns')}
      </Button>
      {isOpen && (
        <Picker
          known={props.known}
          chosen={props.columns.map(column => column.id)}
          ownWords={props.ownWords}
          onChoose={props.onChoose}
          onReset={() => props.onChange({ columns: null })}
          onClose={() => setOpen(false)}
        />
      )}
    </span>
  );
}

export interface SelectedProps {
  readonly selection: Selection;
  readonly isTrash: boolean;
}

/** What is done with the selected runs. */
export function Selected({ selection, isTrash }: SelectedProps): JSX.Element | null {
  const trans = useTrans();
  const session = useSession();
  const canWrite = useCan('write');
  const [problem, setProblem] = useState('');
  const runs = [...selection.ids];
  if (!runs.length) {
    return null;
  }
  const refused = canWrite ? null : trans.__('This server does not let you change its workspace');
  const few = runs.length < 2 ? trans.__('Select two runs or more') : null;
  /** Forget those that are no longer where they were. */
  const gone = async (): Promise<void> => {
    const still = await session.client.get('/runs', {
      query: { deleted: isTrash, where: idsIn(runs), columns: '', limit: MOST_IDS }
    });
    const left = new Set(still.items.map(run => run.id));
    // All go, or none: what became of the first ones became of the others, too.
    selection.forget(left.size ? runs.slice(0, MOST_IDS).filter(id => !left.has(id)) : runs);
  };
  const attempt = (work: () => Promise<unknown>): void => {
    setProblem('');
    work().catch((error: unknown) => setProblem(asApiError(error).message));
  };
  const remove = async (): Promise<void> => {
    await session.run(CommandIDs.deleteRuns, { runs });
    await gone();
  };
  const restore = async (): Promise<void> => {
    await session.client.patch('/runs', { body: { runs, deleted: false } });
    selection.forget(runs);
    await session.queries.invalidateQueries({ queryKey: ['runs'] });
  };
  return (
    <div role="toolbar" aria-label={trans.__('Selected runs')} className="jp-MlopsTable-selected">
      <strong>{trans.__('%1 selected', runs.length.toLocaleString())}</strong>
      {isTrash ? (
        <Button tone="accept" refused={refused} onClick={() => attempt(restore)}>
          {trans.__('Restore')}
        </Button>
      ) : (
        <>
          <Button
            tone="accept"
            refused={few}
            onClick={() => attempt(() => session.run(CommandIDs.compare, { runs }))}
          >
            {trans.__('Compare')}
          </Button>
          <Button refused={refused} onClick={() => attempt(() => session.run(CommandIDs.tagRuns, { runs }))}>
            {trans.__('Tag…')}
          </Button>
          <Button tone="warn" refused={refused} onClick={() => attempt(remove)}>
            {trans.__('Delete…')}
          </Button>
        </>
      )}
      <Button onClick={() => selection.selectAll(false)}>{trans.__('Clear')}</Button>
      {problem && <span role="alert">{problem}</span>}
    </div>
  );
}

/** A filter has room for so many comparisons. */
const MOST_IDS = 200;

function idsIn(runs: readonly string[]): string {
  return `id in (${runs
    .slice(0, MOST_IDS)
    .map(id => `'${id}'`)
    .join(', ')})`;
}
