/** The view of one model and its versions. */

import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { ViewHead } from '../common/ui/parts';
import { Busy, Failed } from '../common/ui/states';
import type { ViewProps } from '../main/views';

export function View({ subject }: ViewProps): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const [name = subject] = subject.split(/[:@]/, 1);
  const { data, error } = useLive({
    key: ['model', name],
    fn: signal => client.get('/models/{name}', { path: { name }, signal })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the model')} />;
  }
  return <ViewHead title={data.name} about={data.description} toolbarLabel={trans.__('Model')} />;
}
