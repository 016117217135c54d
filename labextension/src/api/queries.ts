/** The lists of the panel as TanStack queries. They are never stale by age: `Changes` says when they are. */

import { QueryClient, useQueries, useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';

import type { SomeRuns } from '../runs/model';
import type { Client } from './client';
import type { Activity, Experiment, Model, Run, Service, Workspace } from './types';

/** How long until a server that failed is asked again. */
const AGAIN_MS = 5000;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: 60_000,
        retry: false,
        networkMode: 'always', // Lab often runs on this very machine, with no network at all
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        refetchInterval: query => (query.state.status === 'error' ? AGAIN_MS : false)
      }
    }
  });
}

export function useWorkspace(client: Client): UseQueryResult<Workspace> {
  return useQuery({ queryKey: ['workspace'], queryFn: () => client.workspace() });
}

export function useExperiments(client: Client, enabled: boolean): UseQueryResult<readonly Experiment[]> {
  return useQuery({ queryKey: ['experiments'], queryFn: () => client.experiments(), enabled });
}

/** The newest runs of all experiments. */
export function useRecentRuns(
  client: Client,
  limit: number,
  enabled: boolean
): UseQueryResult<readonly Run[]> {
  return useQuery({
    queryKey: ['runs', 'recent', limit],
    queryFn: () => client.runs({ limit }),
    placeholderData: before => before,
    enabled
  });
}

/** More runs of the experiments that were asked for, by name with how many. */
export function useMoreRuns(
  client: Client,
  asked: Readonly<Record<string, number>>
): ReadonlyMap<string, SomeRuns> {
  const names = Object.keys(asked);
  const results = useQueries({
    queries: names.map(experiment => ({
      queryKey: ['runs', 'of', experiment, asked[experiment]],
      queryFn: () => client.runs({ experiment, limit: asked[experiment] ?? 0 }),
      placeholderData: (before: readonly Run[] | undefined) => before
    }))
  });
  return new Map(
    names.flatMap((name, index) => {
      const runs = results[index]?.data;
      return runs ? [[name, { runs, all: runs.length < (asked[name] ?? 0) }]] : [];
    })
  );
}

export function useModels(client: Client, enabled: boolean): UseQueryResult<readonly Model[]> {
  return useQuery({ queryKey: ['models'], queryFn: () => client.models(), enabled });
}

export function useServices(client: Client, enabled: boolean): UseQueryResult<readonly Service[]> {
  return useQuery({ queryKey: ['services'], queryFn: () => client.services(), enabled });
}

export function useActivities(
  client: Client,
  limit: number,
  enabled: boolean
): UseQueryResult<readonly Activity[]> {
  return useQuery({
    queryKey: ['activities', limit],
    queryFn: () => client.activities(limit),
    enabled
  });
}
