/** What runs had, in a table with a column for all runs that had the same: what differs, and on demand the rest. */

import { useMemo, useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { useTrans } from '../api/context';
import { matcher } from '../common/filter';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import { Runs } from './code';
import type { Compared } from './compared';
import type { Each } from './each';
import { ExportTable } from './exports';
import { FilterTools } from './filtertools';
import { grouped } from './queries';
import type { Group } from './queries';
import { Sheet } from './sheet';

export interface GroupLine {
  readonly name: string;
  /** What else tells it apart from others of its name. */
  readonly aside?: string;
  /** By group. */
  readonly values: readonly (string | undefined)[];
  readonly differs: boolean;
}

/** Records with equal ids are the same. */
interface Told {
  readonly id: string;
}

export interface GroupsTabProps<T extends Told> {
  readonly compared: Compared;
  /** What each run recorded. */
  readonly found: Each<T>;
  /** All lines of the groups, those in which they do not differ, too. */
  readonly linesOf: (groups: readonly Group<T>[]) => readonly GroupLine[];
  /** Whether a run recorded nothing at all. */
  readonly isNothing: (value: T) => boolean;
  readonly busy: string;
  readonly empty: JSX.Element;
  readonly texts: GroupTableProps['texts'];
}

/** The tab of one kind of things that runs recorded. */
export function GroupsTab<T extends Told>(props: GroupsTabProps<T>): JSX.Element {
  const { compared, linesOf, isNothing, texts } = props;
  const { values, isLoading, error } = props.found;
  const { runs, base } = compared;
  const ids = useMemo(() => runs.map(run => run.id), [runs]);
  const groups = useMemo(() => grouped(ids, values, base), [ids, values, base]);
  const lines = useMemo(() => linesOf(groups), [linesOf, groups]);
  if (isLoading) {
    return <Busy label={props.busy} />;
  }
  if (!lines.length) {
    return error ? <Failed error={error} /> : props.empty;
  }
  return (
    <div className="jp-Mlops-compareTab">
      <Stale error={error} />
      <GroupTable {...{ compared, groups, lines, texts }} isSilent={silentAmong(groups, isNothing)} />
    </div>
  );
}

/** Return what tells whether the runs of a group recorded nothing at all. */
export function silentAmong<T>(
  groups: readonly Group<T>[],
  isNothing: (value: T) => boolean
): (group: number) => boolean {
  return at => {
    const group = groups[at];
    return group === undefined || isNothing(group.value);
  };
}

export interface GroupTableProps {
  readonly compared: Compared;
  readonly groups: readonly Group<unknown>[];
  /** Whether a group's runs recorded nothing at all. */
  readonly isSilent: (group: number) => boolean;
  readonly lines: readonly GroupLine[];
  readonly texts: {
    readonly label: string;
    readonly corner: string;
    readonly file: string;
    readonly filter: string;
    readonly all: (nSame: number) => string;
    readonly noneOfName: string;
    readonly noneDiffers: string;
  };
}

export function GroupTable({
  compared,
  groups,
  isSilent,
  lines: every,
  texts
}: GroupTableProps): JSX.Element {
  const trans = useTrans();
  const [all, setAll] = useState(false);
  const [filter, setFilter] = useState('');
  const passes = matcher(filter);
  const lines = every.filter(line => (all || line.differs) && passes(line.name));
  const nSame = every.filter(line => !line.differs).length;
  const heads = groups.map(group => group.runs.map(id => compared.labelOf(id)).join(', '));
  const table = (): readonly (readonly (string | undefined)[])[] => [
    [texts.corner, ...heads],
    ...lines.map(line => [[line.name, line.aside].filter(Boolean).join(' '), ...line.values])
  ];
  const cellOf = (line: GroupLine, column: number): ReactNode => {
    const value = line.values[column];
    const isBase = column === 0 || value === line.values[0];
    return (
      <bdi className={`jp-Mlops-sheetText${isBase ? ' jp-mod-same' : ''}`} title={value}>
        {value ?? (isSilent(column) ? trans.__('not recorded') : '–')}
      </bdi>
    );
  };
  return (
    <>
      <div className="jp-Mlops-compareTools">
        <FilterTools
          allLabel={nSame ? texts.all(nSame) : trans.__('Show all')}
          all={all}
          onAll={setAll}
          filterLabel={texts.filter}
          filter={filter}
          onFilter={setFilter}
        />
        <ExportTable name={texts.file} csv={table} markdown={table} />
      </div>
      {lines.length ? (
        <Sheet
          label={texts.label}
          corner={texts.corner}
          nColumns={groups.length}
          columnKey={column => groups[column]?.id ?? ''}
          columnHead={column => {
            const group = groups[column];
            return group && <Runs group={group} compared={compared} most={1} />;
          }}
          rows={lines.map(line => ({
            id: `${line.name} ${line.aside ?? ''}`,
            head: (
              <span className="jp-Mlops-sheetText">
                <bdi>{line.name}</bdi> <span className="jp-Mlops-compareQuiet">{line.aside}</span>
              </span>
            ),
            cell: column => cellOf(line, column)
          }))}
        />
      ) : (
        <Empty title={filter ? texts.noneOfName : texts.noneDiffers} />
      )}
    </>
  );
}

/** Whether a line's values differ. Groups that recorded nothing at all are not held against the others. */
export function differs(
  values: readonly (string | undefined)[],
  isSilent: (group: number) => boolean
): boolean {
  return new Set(values.filter((_, group) => !isSilent(group))).size > 1;
}
