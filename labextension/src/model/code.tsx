/** How the source of versions differs, by the runs that they come from: the oldest is what the others are compared with. */

import '../../style/compare.css';

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { ModelVersion } from '../api/types';
import { Part } from '../common/ui/parts';
import { Code } from '../compare/code';
import { byRun } from './model';

export function SourceDiff({ versions }: { readonly versions: readonly ModelVersion[] }): JSX.Element {
  const trans = useTrans();
  const runs = byRun(versions);
  const ids = [...runs.keys()];
  return (
    <Part title={trans.__('Code')}>
      {ids.length > 1 ? (
        <Code
          compared={{
            runs: ids.map(id => ({ id })),
            base: ids[0] ?? '',
            labelOf: id => {
              const numbers = runs.get(id) ?? [];
              return trans._n('Version %2', 'Versions %2', numbers.length, numbers.join(', '));
            }
          }}
        />
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('They do not come from two runs.')}</p>
      )}
    </Part>
  );
}
