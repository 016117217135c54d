/** The view of several runs beside each other. */

import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { ViewHead } from '../common/ui/parts';
import { Busy, Failed } from '../common/ui/states';
import type { ViewProps } from '../main/views';

export function View({ subject }: ViewProps): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const { data, error } = useLive({
    key: ['comparison', subject],
    fn: signal => client.get('/comparison', { query: { runs: subject }, signal })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Comparing')} />;
  }
  return (
    <ViewHead
      title={trans._n('%1 run', '%1 runs', data.runs.length)}
      about={data.runs.map(run => run.name).join(', ')}
      toolbarLabel={trans.__('Comparison')}
    />
  );
}
