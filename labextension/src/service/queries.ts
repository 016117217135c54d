/** What the view of a service asks for. Figures and logs alone are asked for again and again, and only while they are looked at. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';

import { useLive, useSession, useVisible } from '../api/context';
import type { components } from '../api/schema';
import type { Activity, Model, Service } from '../api/types';
import { withLook } from './figures';
import type { Figures } from './figures';
import { since, withLines } from './loglines';
import type { LogLine } from './loglines';
import { ratesBetween } from './model';
import type { ServiceRates } from './model';

type Schemas = components['schemas'];
export type Example = Readonly<Schemas['Example']>;
export type Mirrored = Readonly<Schemas['Mirrored']>;
export type Trust = Readonly<Schemas['Trust']>;
export type KeptRequest = Readonly<Schemas['Request']>;
export type ClientProgram = Readonly<Schemas['ClientProgram']>;
export type Language = ClientProgram['language'];
type Counts = Readonly<Schemas['ServiceCounts']>;

const FIGURES_MS = 1000;
const RATES_MS = 2000;
const LOGS_MS = 1500;
const COPIES_MS = 4000;
const FIRST_LINES = 1000;
const MORE_LINES = 2000;
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

/** The looks at a service's counters of the last minutes, a new one each second while they are looked at. */
export function useFigures(name: string): UseQueryResult<readonly Figures[]> {
  const { client } = useSession();
  const queries = useQueryClient();
  const key = ['figures', name]; // no topic: a hint says nothing about counters
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) =>
      withLook(
        queries.getQueryData<readonly Figures[]>(key) ?? [],
        await client.get('/services/{name}/figures', { path: { name }, signal })
      ),
    enabled: useVisible(),
    refetchInterval: FIGURES_MS
  });
}

/** Requests per second of all services, by name, in one call; asked for while the caller is looked at. */
export function useServiceRates(enabled = true): ReadonlyMap<string, ServiceRates> {
  const { client } = useSession();
  const queries = useQueryClient();
  const visible = useVisible();
  const key = ['service-rates'];
  const { data } = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const before = queries.getQueryData<CountedRates>(key);
      const counts = (await client.get('/counts', { signal })).items;
      return { counts, rates: ratesBetween(before?.counts ?? [], counts, before?.rates) };
    },
    enabled: visible && enabled,
    refetchInterval: RATES_MS
  });
  return data?.rates ?? NO_RATES;
}

interface CountedRates {
  readonly counts: readonly Counts[];
  readonly rates: ReadonlyMap<string, ServiceRates>;
}

const NO_RATES: ReadonlyMap<string, ServiceRates> = new Map();

export interface LogQuery {
  readonly deployment: string;
  readonly replica: string;
  readonly follow: boolean;
}

export function useLogs(name: string, wanted: LogQuery): UseQueryResult<readonly LogLine[]> {
  const { client } = useSession();
  const queries = useQueryClient();
  const { deployment, replica, follow } = wanted;
  const key = ['service-logs', name, deployment, replica];
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const known = queries.getQueryData<readonly LogLine[]>(key) ?? [];
      const from = since(known);
      const query = {
        deployment,
        replica,
        tail: from === undefined ? FIRST_LINES : MORE_LINES,
        ...(from !== undefined && { since: from })
      };
      const { items } = await client.get('/services/{name}/logs', { path: { name }, query, signal });
      return withLines(known, items);
    },
    enabled: useVisible(),
    refetchOnMount: 'always',
    refetchInterval: follow ? LOGS_MS : false
  });
}

export function useMirrored(service: Service): UseQueryResult<readonly Mirrored[]> {
  const { client } = useSession();
  const { name } = service;
  return useQuery({
    queryKey: ['service', name, 'mirror'],
    queryFn: async ({ signal }) =>
      (await client.get('/services/{name}/mirror', { path: { name }, signal })).items,
    enabled: useVisible(),
    refetchInterval: service.deployments.some(one => one.mirror) ? COPIES_MS : false
  });
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
