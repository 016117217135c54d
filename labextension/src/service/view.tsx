/** The view of one service. */

import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { ViewHead } from '../common/ui/parts';
import { Busy, Failed } from '../common/ui/states';
import type { ViewProps } from '../main/views';

export function View({ subject }: ViewProps): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const { data, error } = useLive({
    key: ['service', subject],
    fn: signal => client.get('/services/{name}', { path: { name: subject }, signal })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the service')} />;
  }
  return <ViewHead title={data.name} about={data.url} toolbarLabel={trans.__('Service')} />;
}
