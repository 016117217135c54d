/** The table of an experiment's runs. */

import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { ViewHead } from '../common/ui/parts';
import { Busy, Failed } from '../common/ui/states';
import type { ViewProps } from '../main/views';

export function View({ subject }: ViewProps): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const { data, error } = useLive({
    key: ['runs', 'table', subject],
    fn: signal =>
      client.get('/runs', { query: { ...(subject && { experiment: subject }), count: true }, signal })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the runs')} />;
  }
  return (
    <ViewHead
      title={subject || trans.__('All runs')}
      about={trans._n('%1 run', '%1 runs', data.n_matching ?? data.items.length)}
      toolbarLabel={trans.__('Experiment')}
    />
  );
}
