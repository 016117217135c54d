/** Packages that differ: a column for all runs that saw the same ones. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { matcher } from '../common/filter';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import { Runs } from './code';
import type { Compared } from './compared';
import { ExportTable } from './exports';
import { FilterTools } from './filtertools';
import { grouped, usePackages } from './queries';
import type { Group } from './queries';
import { Sheet } from './sheet';
import type { Packages } from '../api/types';

interface PackageLine {
  readonly name: string;
  readonly versions: readonly (string | undefined)[];
  readonly differs: boolean;
}

/** Return all packages of the groups by name. Groups that recorded none at all are not held against the others. */
export function packageLines(groups: readonly Group<Packages>[]): readonly PackageLine[] {
  const names = [...new Set(groups.flatMap(group => Object.keys(group.value.packages)))].sort();
  const known = groups.filter(group => Object.keys(group.value.packages).length > 0);
  return names.map(name => ({
    name,
    versions: groups.map(group => group.value.packages[name]),
    differs: new Set(known.map(group => group.value.packages[name])).size > 1
  }));
}

function allLabel(nSame: number, trans: ReturnType<typeof useTrans>): string {
  return nSame
    ? trans._n(
        'Show all, also %1 package that is the same',
        'Show all, also %1 packages that are the same',
        nSame
      )
    : trans.__('Show all');
}

export function PackagesTab({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const [all, setAll] = useState(false);
  const [filter, setFilter] = useState('');
  const { runs, base, labelOf } = compared;
  const ids = useMemo(() => runs.map(run => run.id), [runs]);
  const { values, isLoading, error } = usePackages(ids);
  const groups = useMemo(() => grouped(ids, values, base), [ids, values, base]);
  const allLines = useMemo(() => packageLines(groups), [groups]);
  if (isLoading) {
    return <Busy label={trans.__('Reading the packages')} />;
  }
  if (!allLines.length) {
    return error ? <Failed error={error} /> : <Empty title={trans.__('These runs recorded no packages.')} />;
  }
  const passes = matcher(filter);
  const lines = allLines.filter(line => (all || line.differs) && passes(line.name));
  const nSame = allLines.filter(line => !line.differs).length;
  const heads = groups.map(group => group.runs.map(id => labelOf(id)).join(', '));
  const table = (): readonly (readonly (string | undefined)[])[] => [
    [trans.__('package'), ...heads],
    ...lines.map(line => [line.name, ...line.versions])
  ];
  return (
    <div className="jp-Mlops-compareTab">
      <Stale error={error} />
      <div className="jp-Mlops-compareTools">
        <FilterTools
          allLabel={allLabel(nSame, trans)}
          all={all}
          onAll={setAll}
          filterLabel={trans.__('Filter packages by name')}
          filter={filter}
          onFilter={setFilter}
        />
        <ExportTable name="packages" csv={table} markdown={table} />
      </div>
      {lines.length ? (
        <Sheet
          label={trans.__('Packages')}
          corner={trans.__('Package')}
          nColumns={groups.length}
          columnKey={column => groups[column]?.id ?? ''}
          columnHead={column => {
            const group = groups[column];
            return group && <Runs group={group} compared={compared} most={1} />;
          }}
          rows={lines.map(line => ({
            id: line.name,
            head: <bdi className="jp-Mlops-sheetText">{line.name}</bdi>,
            cell: column => {
              const isSilent = !Object.keys(groups[column]?.value.packages ?? {}).length;
              const version = line.versions[column];
              const isBase = column === 0 || version === line.versions[0];
              return (
                <bdi className={`jp-Mlops-sheetText${isBase ? ' jp-mod-same' : ''}`}>
                  {version ?? (isSilent ? trans.__('not recorded') : '–')}
                </bdi>
              );
            }
          }))}
        />
      ) : (
        <Empty
          title={
            filter
              ? trans.__('No package of that name differs.')
              : trans.__('All runs saw the same packages.')
          }
        />
      )}
    </div>
  );
}
