/** The table of an experiment's runs, or of all. */

import '../../style/grid.css';
import '../../style/experiment.css';

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { Busy } from '../common/ui/states';
import type { ViewProps } from '../main/views';
import { useKept } from './kept';
import { Table } from './panel';

export function View({ subject }: ViewProps): JSX.Element {
  const trans = useTrans();
  const [state, change] = useKept(subject);
  return state === null ? (
    <Busy label={trans.__('Loading the runs')} />
  ) : (
    <Table subject={subject} state={state} onChange={change} />
  );
}
