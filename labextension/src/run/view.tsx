/** The view of one run. */

import { useEffect } from 'react';
import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { metric } from '../common/format';
import { Facts, Part, ViewHead } from '../common/ui/parts';
import { Busy, Failed, Stale } from '../common/ui/states';
import type { ViewProps } from '../main/views';

export function View({ subject, setTitle }: ViewProps): JSX.Element {
  const { client } = useSession();
  const trans = useTrans();
  const { data, error } = useLive({ key: ['run', subject], fn: () => client.run(subject) });
  const name = data?.run.name;
  useEffect(() => {
    if (name !== undefined) {
      setTitle(name);
    }
  }, [name, setTitle]);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the run')} />;
  }
  const { run } = data;
  return (
    <>
      <ViewHead title={run.name} about={run.experiment} toolbarLabel={trans.__('Run')} />
      <Stale error={error} />
      <Part title={trans.__('Metrics')}>
        <Facts
          facts={Object.entries(run.metrics).map(([key, value]) => ({ name: key, value: metric(value) }))}
        />
      </Part>
    </>
  );
}
