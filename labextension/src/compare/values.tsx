/** Parameters and metrics of all runs in one table: what differs first, the best of each metric marked. */

import { useMemo, useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { useTrans } from '../api/context';
import type { MetricValue, Run } from '../api/types';
import { matcher } from '../common/filter';
import { dateOf, metric, span } from '../common/format';
import { runWord } from '../common/status';
import { LinkButton } from '../common/ui/link';
import type { Compared } from './compared';
import { ExportTable } from './exports';
import { FilterTools } from './filtertools';
import { change, inOrder, metricLines, paramLines } from './model';
import type { Direction, MetricLine, Order, ParamLine } from './model';
import { Sheet } from './sheet';
import type { SheetRow } from './sheet';
import { runTable, shownTable } from './table';

export interface ValuesProps {
  readonly compared: Compared;
  readonly onDirection: (metric: string, direction: Direction) => void;
}

/** Letters of a value that are drawn and that its tooltip has: a parameter may be ten thousand long. */
const MOST_DRAWN = 200;
const MOST_SAID = 2000;

export function Values({ compared, onDirection }: ValuesProps): JSX.Element {
  const trans = useTrans();
  const [all, setAll] = useState(false);
  const [filter, setFilter] = useState('');
  const [order, setOrder] = useState<Order | null>(null);
  const { base, directionOf, labelOf } = compared;
  const runs = useMemo(() => inOrder(compared.runs, order, base), [compared.runs, order, base]);
  const allParams = useMemo(() => paramLines(runs), [runs]);
  const passes = matcher(filter);
  const params = allParams.filter(line => (all || line.differs) && passes(line.name));
  const nSame = allParams.filter(line => !line.differs).length;
  const metrics = metricLines(runs, directionOf, all).filter(line => passes(line.name));
  const rows: readonly SheetRow[] = [
    ...(filter ? [] : aboutRows(runs, trans)),
    title('params', trans.__('Parameters'), params.length ? '' : trans.__('none differ')),
    ...params.map(line =>
      paramRow(line, {
        order,
        setOrder,
        title: trans.__('Order the runs by %1', line.name.slice(0, MOST_DRAWN))
      })
    ),
    title('metrics', trans.__('Metrics'), metrics.length ? '' : trans.__('none')),
    ...metrics.map(line => metricRow(line, runs, { compared, order, setOrder, onDirection, trans }))
  ];
  const labels = runs.map(run => labelOf(run.id));
  return (
    <div className="jp-Mlops-compareTab">
      <div className="jp-Mlops-compareTools">
        <FilterTools
          allLabel={
            nSame
              ? trans._n(
                  'Show all, also %1 parameter that is the same',
                  'Show all, also %1 parameters that are the same',
                  nSame
                )
              : trans.__('Show all')
          }
          all={all}
          onAll={setAll}
          filterLabel={trans.__('Filter parameters and metrics by name')}
          filter={filter}
          onFilter={setFilter}
        />
        <ExportTable
          name="comparison"
          csv={() => runTable(runs, params, metrics)}
          markdown={() => shownTable(labels, params, metrics, trans.__('(best)'))}
        />
      </div>
      <Sheet
        label={trans.__('Parameters and metrics')}
        corner={order ? <ClearOrder onClick={() => setOrder(null)} /> : trans.__('Name')}
        nColumns={runs.length}
        columnKey={column => runs[column]?.id ?? ''}
        columnHead={column => <RunHead run={runs[column]} compared={compared} />}
        rows={rows}
      />
    </div>
  );
}

type Trans = ReturnType<typeof useTrans>;

function title(id: string, text: string, aside: string): SheetRow {
  const head = (
    <>
      {text} {aside && <span className="jp-Mlops-compareQuiet">{aside}</span>}
    </>
  );
  return { id: `title:${id}`, head, cell: null };
}

export function RunHead({
  run,
  compared
}: {
  readonly run: Run | undefined;
  readonly compared: Compared;
}): ReactNode {
  const trans = useTrans();
  if (!run) {
    return null;
  }
  const label = compared.labelOf(run.id).slice(0, MOST_DRAWN);
  return (
    <span className={`jp-Mlops-compareHead${run.id === compared.hot ? ' jp-mod-hot' : ''}`}>
      <span className="jp-Mlops-swatch" style={{ background: compared.colorOf(run.id) }} />
      <button
        type="button"
        className="jp-Mlops-compareName"
        title={trans.__('Open %1 (%2)', label, run.id.slice(0, 8))}
        onClick={() => compared.openRun(run.id)}
      >
        <bdi>{label}</bdi>
      </button>
      {run.id === compared.base && <span className="jp-Mlops-chip">{trans.__('base')}</span>}
    </span>
  );
}

function ClearOrder({ onClick }: { readonly onClick: () => void }): JSX.Element {
  const trans = useTrans();
  return <LinkButton onClick={onClick}>{trans.__('Order as added')}</LinkButton>;
}

function aboutRows(runs: readonly Run[], trans: Trans): readonly SheetRow[] {
  const facts: readonly (readonly [string, (run: Run) => string])[] = [
    [trans.__('status'), run => runWord(run.status, trans)],
    [trans.__('experiment'), run => run.experiment],
    [trans.__('started'), run => startText(run.started_at)],
    [trans.__('took'), run => (run.duration_s === null ? '' : span(run.duration_s))]
  ];
  return [
    title('run', trans.__('Run'), ''),
    ...facts.map(([name, say]) => ({
      id: `fact:${name}`,
      head: <span className="jp-Mlops-sheetText">{name}</span>,
      cell: (column: number) => {
        const run = runs[column];
        return run && <Text text={say(run)} quiet={false} />;
      }
    }))
  ];
}

/** When a run began, as short as a column is wide. */
function startText(seconds: number): string {
  return dateOf(seconds)?.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' }) ?? '–';
}

function Text({ text, quiet }: { readonly text: string; readonly quiet: boolean }): JSX.Element {
  return (
    <bdi className={`jp-Mlops-sheetText${quiet ? ' jp-mod-same' : ''}`} title={text.slice(0, MOST_SAID)}>
      {text.slice(0, MOST_DRAWN)}
    </bdi>
  );
}

interface Ordering {
  readonly order: Order | null;
  readonly setOrder: (order: Order | null) => void;
}

function paramRow(line: ParamLine, ordering: Ordering & { readonly title: string }): SheetRow {
  return {
    id: `param:${line.name}`,
    head: <OrderBy kind="param" name={line.name} first={false} {...ordering} />,
    cell: column => {
      const value = line.values[column];
      return value === undefined ? <None /> : <Text text={value} quiet={!line.differs} />;
    }
  };
}

function metricRow(
  line: MetricLine,
  runs: readonly Run[],
  parts: Ordering & {
    readonly compared: Compared;
    readonly onDirection: ValuesProps['onDirection'];
    readonly trans: Trans;
  }
): SheetRow {
  const { compared, onDirection, trans, ...ordering } = parts;
  const baseValue = runs[0]?.id === compared.base ? line.values[0] : undefined;
  const isLower = line.direction === 'lower';
  const says = isLower
    ? trans.__('%1: lower is better. Click if higher is', line.name.slice(0, MOST_DRAWN))
    : trans.__('%1: higher is better. Click if lower is', line.name.slice(0, MOST_DRAWN));
  return {
    id: `metric:${line.name}`,
    head: (
      <>
        <OrderBy
          kind="metric"
          name={line.name}
          first={!isLower}
          title={trans.__('Order the runs by %1', line.name.slice(0, MOST_DRAWN))}
          {...ordering}
        />
        <button
          type="button"
          className="jp-Mlops-direction"
          aria-label={says}
          title={says}
          onClick={() => onDirection(line.name, isLower ? 'higher' : 'lower')}
        >
          {isLower ? '↓' : '↑'}
        </button>
      </>
    ),
    cell: column => (
      <MetricCell
        value={line.values[column]}
        base={column === 0 ? undefined : baseValue}
        line={line}
        best={line.best.has(column)}
      />
    )
  };
}

function OrderBy(
  props: Ordering & {
    readonly kind: Order['kind'];
    readonly name: string;
    /** Whether the first click orders from the top. */
    readonly first: boolean;
    readonly title: string;
  }
): JSX.Element {
  const { kind, name, first, order, setOrder } = props;
  const mine = order?.kind === kind && order.name === name ? order : null;
  const next =
    mine === null
      ? { kind, name, descending: first }
      : mine.descending === first
        ? { kind, name, descending: !first }
        : null;
  return (
    <button type="button" className="jp-Mlops-orderBy" title={props.title} onClick={() => setOrder(next)}>
      <bdi>{name.slice(0, MOST_DRAWN)}</bdi>
      {mine && <span aria-hidden="true">{mine.descending ? ' ▾' : ' ▴'}</span>}
    </button>
  );
}

function MetricCell(props: {
  readonly value: MetricValue | undefined;
  readonly base: MetricValue | undefined;
  readonly line: MetricLine;
  readonly best: boolean;
}): JSX.Element {
  const { value, base, line, best } = props;
  const trans = useTrans();
  if (value === undefined) {
    return <None />;
  }
  const from = change(value, base, line.direction);
  return (
    <span className={`jp-Mlops-metricCell${best ? ' jp-mod-best' : ''}`} title={String(value)}>
      <span>{metric(value)}</span>
      {best && <span className="jp-Mlops-best">{trans.__('best')}</span>}
      {from && (
        <span className={`jp-Mlops-change ${from.better ? 'jp-mod-good' : 'jp-mod-bad'}`}>
          {from.by > 0 ? '+' : '−'}
          {metric(Math.abs(from.by))}
        </span>
      )}
    </span>
  );
}

function None(): JSX.Element {
  return <span className="jp-Mlops-compareQuiet">–</span>;
}
