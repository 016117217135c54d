/** The words of the table, translated. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { useMemo } from 'react';

import { useTrans } from '../api/context';
import { metric } from '../common/format';
import { runWords } from '../common/status';
import type { CellWords } from './cells';
import { fieldOf } from './model';
import type { Words } from './model';

export interface TableWords {
  readonly columns: Words;
  readonly cells: CellWords;
}

export function useWords(by: string): TableWords {
  const trans = useTrans();
  return useMemo(() => ({ columns: columnWords(trans), cells: cellWords(trans, by) }), [trans, by]);
}

function columnWords(trans: TranslationBundle): Words {
  return {
    own: {
      name: trans.__('Name'),
      status: trans.__('Status'),
      started: trans.__('Started'),
      ended: trans.__('Ended'),
      duration: trans.__('Duration'),
      actor: trans.__('By'),
      project: trans.__('Project'),
      experiment: trans.__('Experiment'),
      id: trans.__('Id')
    },
    metrics: trans.__('metric'),
    params: trans.__('param'),
    tags: trans.__('tag')
  };
}

function cellWords(trans: TranslationBundle, by: string): CellWords {
  return {
    status: runWords(trans),
    none: trans.__('no %1', fieldOf(by).key.slice(0, 100)),
    fold: trans.__('Fold'),
    unfold: trans.__('Unfold'),
    nRuns: n => trans._n('%1 run', '%1 runs', n).replace(String(n), n.toLocaleString()),
    summary: (name, { n, n_nan, n_infinite, mean, sd }) =>
      [
        trans.__('%1: mean %2', name.slice(0, 200), String(mean)),
        ...(sd === null || n_infinite ? [] : [trans.__('sample standard deviation (n − 1) %1', metric(sd))]),
        trans._n('over %1 run', 'over %1 runs', n),
        ...(n_nan ? [trans._n('%1 is NaN and left out', '%1 are NaN and left out', n_nan)] : []),
        ...(n_infinite ? [endless(n_infinite, mean === 'NaN', trans)] : [])
      ].join(', ')
  };
}

/** Why a mean is no number, and why there is no deviation from it. */
function endless(n: number, isBoth: boolean, trans: TranslationBundle): string {
  return isBoth
    ? trans.__('%1 are infinite in both directions, so that there is no mean', n)
    : trans._n(
        '%1 is infinite, and so is the mean, from which there is no deviation',
        '%1 are infinite, and so is the mean, from which there is no deviation',
        n
      );
}
