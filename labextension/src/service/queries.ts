/** What the view of a service asks for. Of figures and logs the server tells, and only while they are looked at. */

import { useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';

import { useLive, useSession, useVisible } from '../api/context';
import { usePushed } from '../api/pushed';
import type { components } from '../api/schema';
import type { Activity, Model, Service } from '../api/types';
import { withLook, withQuiet } from './figures';
import type { Figures, Look } from './figures';
import { TAIL, withLines } from './loglines';
import type { LogLine } from './loglines';
import { withCounts, withQuietCounts } from './model';
import type { Counted, ServiceRates } from './model';

type Schemas = components['schemas'];
export type Example = Readonly<Schemas['Example']>;
export type Mirrored = Readonly<Schemas['Mirrored']>;
export type Trust = Readonly<Schemas['Trust']>;
export type KeptRequest = Readonly<Schemas['Request']>;
export type ClientProgram = Readonly<Schemas['ClientProgram']>;
export type Language = ClientProgram['language'];
type Counts = Readonly<Schemas['ServiceCounts']>;

const ACTIVITIES = 100;

export function useService(name: string): UseQueryResult<Service> {
  const { client } = useSession();
  return useLive({
    key: ['service', name],
    fn: signal => client.get('/services/{name}', { path: { name }, signal })
  });
}

export function useServed(): UseQueryResult<readonly Model[]> {
  const { client } = useSession();
  return useLive({ key: ['models'], fn: () => client.models() });
}

export function useServiceActivities(): UseQueryResult<readonly Activity[]> {
  const { client } = useSession();
  return useLive({ key: ['activities', ACTIVITIES], fn: () => client.activities(ACTIVITIES) });
}

/** The looks at a service's counters of the last minutes, a new one each second while they change and are looked at. */
export function useFigures(name: string): UseQueryResult<readonly Look[]> {
  const { client } = useSession();
  return usePushed<Figures, readonly Look[], readonly Look[]>({
    key: ['figures', name], // no topic: a hint says nothing about counters
    address: client.address('/services/{name}/figures', { path: { name } }),
    ask: signal => client.get('/services/{name}/figures', { path: { name }, signal }),
    take: (before = [], figures) => withLook(before, { ...figures, heardMs: Date.now() }),
    quiet: withQuiet,
    shown: same
  });
}

/** Requests per second of all services, by name, told of together while any caller is looked at. */
export function useServiceRates(enabled = true): ReadonlyMap<string, ServiceRates> {
  const { client } = useSession();
  const { data } = usePushed<{ readonly items: readonly Counts[] }, Counted, Counted['rates']>({
    key: ['service-rates'],
    address: client.address('/counts'),
    ask: signal => client.get('/counts', { signal }),
    take: (before, { items }) => withCounts(before, items, Date.now()),
    quiet: withQuietCounts,
    shown: ({ rates }) => rates,
    enabled
  });
  return data ?? NO_RATES;
}

const NO_RATES: ReadonlyMap<string, ServiceRates> = new Map();

export interface LogQuery {
  readonly deployment: string;
  readonly replica: string;
  readonly follow: boolean;
}

/** The last lines of a log, and those that are written while they are followed. */
export function useLogs(name: string, wanted: LogQuery): UseQueryResult<readonly LogLine[]> {
  const { client } = useSession();
  const { deployment, replica, follow } = wanted;
  const query = { deployment, replica, tail: TAIL };
  return usePushed<{ readonly items: readonly string[] }, readonly LogLine[], readonly LogLine[]>({
    key: ['service-logs', name, deployment, replica],
    address: client.address('/services/{name}/logs', { path: { name }, query }),
    ask: signal => client.get('/services/{name}/logs', { path: { name }, query, signal }),
    take: (before = [], { items }) => withLines(before, items),
    shown: same,
    follow,
    always: true
  });
}

export function useMirrored(service: Service): UseQueryResult<readonly Mirrored[]> {
  const { client } = useSession();
  const { name } = service;
  return usePushed<{ readonly items: readonly Mirrored[] }, readonly Mirrored[], readonly Mirrored[]>({
    key: ['service', name, 'mirror'],
    address: client.address('/services/{name}/mirror', { path: { name } }),
    ask: signal => client.get('/services/{name}/mirror', { path: { name }, signal }),
    take: (_, { items }) => items,
    shown: same,
    follow: service.deployments.some(one => one.mirror)
  });
}

function same<T>(data: T): T {
  return data;
}

export function useExample(name: string, deployment: string): UseQueryResult<Example> {
  const { client } = useSession();
  return useLive({
    key: ['service', name, 'example', deployment],
    fn: signal => client.get('/services/{name}/example', { path: { name }, query: { deployment }, signal })
  });
}

/** The requests that were kept; asked for again with its `refetch`. */
export function useRequests(name: string, since: string): UseQueryResult<readonly KeptRequest[]> {
  const { client } = useSession();
  return useQuery({
    queryKey: ['service-requests', name, since],
    queryFn: async ({ signal }) =>
      (
        await client.get('/services/{name}/telemetry', {
          path: { name },
          query: { since, limit: 200 },
          signal
        })
      ).items,
    enabled: useVisible(),
    refetchOnMount: 'always'
  });
}

export function useProgram(name: string, language: Language): UseQueryResult<ClientProgram> {
  const { client } = useSession();
  return useLive({
    key: ['service', name, 'client', language],
    fn: signal => client.get('/services/{name}/clients/{language}', { path: { name, language }, signal })
  });
}

export function useTrust(service: Service): UseQueryResult<Trust> {
  const { client } = useSession();
  const { name } = service;
  return useLive({
    key: ['service', name, 'certificate', service.certificate?.fingerprint ?? ''],
    fn: signal => client.get('/services/{name}/certificate', { path: { name }, signal }),
    enabled: service.certificate !== null
  });
}
