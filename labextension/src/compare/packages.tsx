/** Packages that differ: a column for all runs that saw the same ones. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Packages } from '../api/types';
import { Empty } from '../common/ui/states';
import type { Compared } from './compared';
import { differs, GroupsTab, silentAmong } from './groups';
import type { GroupLine } from './groups';
import { usePackages } from './queries';
import type { Group } from './queries';

/** Return all packages of the groups by name. */
export function packageLines(groups: readonly Group<Packages>[]): readonly GroupLine[] {
  const names = [...new Set(groups.flatMap(group => Object.keys(group.value.packages)))].sort();
  return names.map(name => {
    const values = groups.map(group => group.value.packages[name]);
    return { name, values, differs: differs(values, silentAmong(groups, isNothing)) };
  });
}

function isNothing(seen: Packages): boolean {
  return !Object.keys(seen.packages).length;
}

export function PackagesTab({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const found = usePackages(useMemo(() => compared.runs.map(run => run.id), [compared.runs]));
  return (
    <GroupsTab
      {...{ compared, found, isNothing }}
      linesOf={packageLines}
      busy={trans.__('Reading the packages')}
      empty={<Empty title={trans.__('These runs recorded no packages.')} />}
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
  );
}
