/** What is in the cells of the table. What runs stored is text, of any length and direction, and never more. */

import type { JSX, ReactNode } from 'react';

import type { MetricValue, Run, RunStatus } from '../api/types';
import type { Column } from '../common/grid/model';
import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { dateOf, metric, moment, span } from '../common/format';
import { CaretIcon, StatusIcon } from '../common/icons';
import { RUN_TONES } from '../common/status';
import { LinkButton } from '../common/ui/link';
import type { GroupRow, RestRow, Row, RunRow } from './flat';
import { fieldOf } from './model';
import type { Mark } from './model';
import type { MetricSummary } from './queries';

/** A cell shows the beginning of a long text; its tooltip more of it. */
const SHOWN = 300;
const TIP = 1000;

export interface CellWords {
  readonly status: Readonly<Record<RunStatus, string>>;
  /** By what runs are grouped, for the row of those that have none. */
  readonly none: string;
  readonly fold: string;
  readonly unfold: string;
  readonly nRuns: (n: number) => string;
  readonly summary: (name: string, summary: MetricSummary) => string;
}

export interface CellProps {
  readonly row: Row;
  readonly column: Column;
  readonly words: CellWords;
  readonly by: string;
  readonly marks: Readonly<Record<string, Mark>>;
  readonly best: ReadonlyMap<string, number | string>;
  readonly onFold: (row: Row, open: boolean) => void;
  readonly onAll: (row: RestRow) => void;
}

export function Cell(props: CellProps): JSX.Element | null {
  const { row } = props;
  switch (row.kind) {
    case 'run':
      return <RunCell {...props} row={row} />;
    case 'group':
      return <GroupCell {...props} row={row} />;
    case 'rest':
      return props.column.id === 'name' ? <Rest row={row} onAll={props.onAll} /> : null;
  }
}

function RunCell(props: CellProps & { readonly row: RunRow }): JSX.Element | null {
  const { row, column, best } = props;
  const { run } = row;
  const { group, key } = fieldOf(column.id);
  if (group === 'metrics') {
    const value = run.metrics[key];
    return value === undefined ? null : <Metric value={value} isBest={best.get(column.id) === value} />;
  }
  if (group) {
    const value = run[group][key];
    return value === undefined ? null : <Text text={value} />;
  }
  switch (key) {
    case 'name':
      return (
        <Indented {...props} canFold={row.nChildren > 0} count={row.nChildren || null}>
          <Text text={run.name} />
        </Indented>
      );
    case 'status':
      return <Status run={run} words={props.words} />;
    case 'started':
      return <Moment at={run.started_at || null} />;
    case 'ended':
      return <Moment at={run.ended_at ?? null} />;
    case 'duration':
      return <Duration run={run} />;
    case 'actor':
    case 'project':
    case 'experiment':
    case 'id':
      return <Text text={run[key]} />;
    default:
      return null;
  }
}

function GroupCell(props: CellProps & { readonly row: GroupRow }): JSX.Element | null {
  const { row, column, words } = props;
  const { group, key } = fieldOf(column.id);
  if (column.id === 'name') {
    const { value } = row.group;
    return (
      <Indented {...props} canFold count={null}>
        {value === null ? (
          <em className="jp-MlopsTable-text">{words.none}</em>
        ) : (
          <Text text={groupWord(value, props)} />
        )}
        <span className="jp-MlopsTable-count">{words.nRuns(row.group.n_runs)}</span>
      </Indented>
    );
  }
  const summary = group === 'metrics' ? row.group.metrics[key] : undefined;
  if (summary?.mean === undefined || summary.mean === null) {
    return null;
  }
  return (
    <span
      className={typeof summary.mean === 'string' ? 'jp-MlopsTable-odd' : ''}
      title={words.summary(key, summary)}
    >
      {metric(summary.mean)}
      {summary.sd !== null && !summary.n_infinite && (
        <span className="jp-MlopsTable-sd"> ± {metric(summary.sd)}</span>
      )}
    </span>
  );
}

/** As the column has it that runs are grouped by. */
function groupWord(value: string, { by, words }: CellProps): string {
  return (by === 'status' && words.status[value as RunStatus]) || value || '""';
}

function Indented(
  props: CellProps & {
    readonly row: RunRow | GroupRow;
    readonly canFold: boolean;
    readonly count: number | null;
    readonly children: ReactNode;
  }
): JSX.Element {
  const { row, words, onFold } = props;
  return (
    <span className="jp-MlopsTable-name" style={{ paddingInlineStart: row.depth * 16 }}>
      {props.canFold ? (
        <button
          type="button"
          tabIndex={-1} // by keyboard the arrows fold
          className={`jp-MlopsTable-caret${row.open ? ' jp-mod-open' : ''}`}
          aria-label={row.open ? words.fold : words.unfold}
          onClick={event => {
            event.stopPropagation();
            onFold(row, !row.open);
          }}
          onDoubleClick={event => event.stopPropagation()}
        >
          <CaretIcon />
        </button>
      ) : (
        <span className="jp-MlopsTable-noCaret" />
      )}
      {props.children}
      {props.count !== null && <span className="jp-MlopsTable-badge">{props.count}</span>}
    </span>
  );
}

function Rest({
  row,
  onAll
}: {
  readonly row: RestRow;
  readonly onAll: (row: RestRow) => void;
}): JSX.Element {
  const trans = useTrans();
  return (
    <span className="jp-MlopsTable-name" style={{ paddingInlineStart: row.depth * 16 }}>
      <span className="jp-MlopsTable-noCaret" />
      {row.n === null ? (
        <span className="jp-MlopsTable-quiet">{trans.__('Loading…')}</span>
      ) : (
        <LinkButton tabIndex={-1} onClick={() => onAll(row)}>
          {trans._n('%1 more: show all in the table', '%1 more: show all in the table', row.n)}
        </LinkButton>
      )}
    </span>
  );
}

function Text({ text }: { readonly text: string }): JSX.Element {
  return (
    <bdi className="jp-MlopsTable-text" title={text.slice(0, TIP)}>
      {text.slice(0, SHOWN)}
    </bdi>
  );
}

function Metric({ value, isBest }: { readonly value: MetricValue; readonly isBest: boolean }): JSX.Element {
  const isOdd = typeof value === 'string';
  const classes = `${isOdd ? 'jp-MlopsTable-odd' : ''}${isBest ? ' jp-MlopsTable-best' : ''}`;
  return (
    <span className={classes} title={String(value)}>
      {isBest && <span aria-hidden="true">★ </span>}
      {metric(value)}
    </span>
  );
}

function Status({ run, words }: { readonly run: Run; readonly words: CellWords }): JSX.Element {
  const word = words.status[run.status];
  return (
    <span className="jp-MlopsTable-status" title={run.reason ? `${word}: ${run.reason.slice(0, TIP)}` : word}>
      <StatusIcon tone={RUN_TONES[run.status]} title={word} />
      {word}
    </span>
  );
}

const THIS_YEAR = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit'
});
const OTHER_YEAR = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });

/** A moment in the reader's own time zone, which the tooltip names. */
function Moment({ at }: { readonly at: number | null }): JSX.Element | null {
  if (at === null) {
    return null;
  }
  const date = dateOf(at);
  if (date === null) {
    return <span title={moment(at)}>–</span>;
  }
  const format = date.getFullYear() === new Date().getFullYear() ? THIS_YEAR : OTHER_YEAR;
  return (
    <time dateTime={date.toISOString()} title={WHOLE.format(date)}>
      {format.format(date)}
    </time>
  );
}

function Duration({ run }: { readonly run: Run }): JSX.Element | null {
  if (run.duration_s !== null) {
    return <span title={`${run.duration_s} s`}>{span(run.duration_s)}</span>;
  }
  return run.status === 'RUNNING' ? <Elapsed since={run.started_at} /> : null;
}

function Elapsed({ since }: { readonly since: number }): JSX.Element {
  const now = useNow();
  return <span className="jp-MlopsTable-quiet">{span(Math.max(0, Math.round(now - since)))}</span>;
}
