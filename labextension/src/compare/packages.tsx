/** Packages that differ: a column for all runs that saw the same ones. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Packages } from '../api/types';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import type { Compared } from './compared';
import { GroupTable, differs } from './groups';
import type { GroupLine } from './groups';
import { grouped, usePackages } from './queries';
import type { Group } from './queries';

/** Return all packages of the groups by name. */
export function packageLines(groups: readonly Group<Packages>[]): readonly GroupLine[] {
  const names = [...new Set(groups.flatMap(group => Object.keys(group.value.packages)))].sort();
  return names.map(name => {
    const values = groups.map(group => group.value.packages[name]);
    return { name, values, differs: differs(values, silentAmong(groups)) };
  });
}

function silentAmong(groups: readonly Group<Packages>[]): (group: number) => boolean {
  return group => !Object.keys(groups[group]?.value.packages ?? {}).length;
}

export function PackagesTab({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const { runs, base } = compared;
  const ids = useMemo(() => runs.map(run => run.id), [runs]);
  const { values, isLoading, error } = usePackages(ids);
  const groups = useMemo(() => grouped(ids, values, base), [ids, values, base]);
  const lines = useMemo(() => packageLines(groups), [groups]);
  if (isLoading) {
    return <Busy label={trans.__('Reading the packages')} />;
  }
  if (!lines.length) {
    return error ? <Failed error={error} /> : <Empty title={trans.__('These runs recorded no packages.')} />;
  }
  return (
    <div className="jp-Mlops-compareTab">
      <Stale error={error} />
      <GroupTable
        {...{ compared, groups, lines }}
        isSilent={silentAmong(groups)}
        texts={{
          label: trans.__('Packages'),
          corner: trans.__('Package'),
          file: 'packages',
          filter: trans.__('Filter packages by name'),
          all: nSame =>
            trans._n(
              'Show all, also %1 package that is the same',
              'Show all, also %1 packages that are the same',
              nSame
            ),
          noneOfName: trans.__('No package of that name differs.'),
          noneDiffers: trans.__('All runs saw the same packages.')
        }}
      />
    </div>
  );
}
