/** Data that differ: a column for all runs that used the same, a line for each dataset and what it was used for. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { UsedData } from '../api/types';
import { Empty } from '../common/ui/states';
import { shapeOf } from '../run/model';
import type { Compared } from './compared';
import { differs, GroupsTab, silentAmong } from './groups';
import type { GroupLine } from './groups';
import { useData } from './queries';
import type { Group } from './queries';

/** Return all datasets of the groups, by what they were used for and their names; each is told by its digest. */
export function dataLines(groups: readonly Group<UsedData>[]): readonly GroupLine[] {
  const used = groups.flatMap(group => group.value.datasets);
  const lines = new Map(used.map(one => [JSON.stringify([one.context, one.name]), one]));
  return [...lines].sort(byKey).map(([, { context, name }]) => {
    const values = groups.map(group => {
      const mine = group.value.datasets.filter(one => one.context === context && one.name === name);
      return mine.length
        ? mine.map(one => [one.digest, shapeOf(one.profile)].filter(Boolean).join(' · ')).join(', ')
        : undefined;
    });
    return { name, aside: context, values, differs: differs(values, silentAmong(groups, isNothing)) };
  });
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : Number(a > b);

function isNothing(used: UsedData): boolean {
  return !used.datasets.length;
}

export function DataTab({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const found = useData(useMemo(() => compared.runs.map(run => run.id), [compared.runs]));
  return (
    <GroupsTab
      {...{ compared, found, isNothing }}
      linesOf={dataLines}
      busy={trans.__('Reading which data were used')}
      empty={
        <Empty title={trans.__('These runs recorded no data.')}>
          {trans.__('In the cell or script:')} <code>ml.log_dataset(table, name=&quot;rows&quot;)</code>
        </Empty>
      }
      texts={{
        label: trans.__('Data'),
        corner: trans.__('Dataset'),
        file: 'data',
        filter: trans.__('Filter data by name'),
        all: nSame =>
          trans._n(
            'Show all, also %1 dataset that is the same',
            'Show all, also %1 datasets that are the same',
            nSame
          ),
        noneOfName: trans.__('No dataset of that name differs.'),
        noneDiffers: trans.__('All runs used the same data.')
      }}
    />
  );
}
