/** What the view of a model asks for, and what it tells the server. */

import { useMutation } from '@tanstack/react-query';
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';

import { useLive, useSession } from '../api/context';
import type { Activity, Delivered, Model, ModelContents, RunDetail, VersionComparison } from '../api/types';
import type { Client } from '../api/client';
import { readSubject } from './model';
import type { Subject } from './model';

function useModel(name: string, enabled: boolean): UseQueryResult<Model> {
  const { client } = useSession();
  return useLive({
    key: ['model', name],
    fn: signal => client.get('/models/{name}', { path: { name }, signal }),
    enabled
  });
}

export interface Named {
  readonly data: Model | undefined;
  readonly error: unknown;
  /** What of it is asked for. */
  readonly asked: Subject;
}

/** The model of a subject: that which is called so, else the one before an alias. */
export function useNamed(subject: string): Named {
  const [whole, other] = useMemo(() => readSubject(subject), [subject]);
  const first = useModel(whole.name, true);
  const isOther = other !== undefined && first.error !== null;
  const second = useModel(other?.name ?? whole.name, isOther);
  const found = isOther ? second : first;
  return { data: found.data, error: found.error, asked: isOther ? other : whole };
}

export function useContents(name: string, version: number): UseQueryResult<ModelContents> {
  const { client } = useSession();
  return useLive({
    key: ['model', name, 'contents', version],
    fn: signal =>
      client.get('/models/{name}/versions/{version}/contents', { path: { name, version }, signal })
  });
}

/** Manifests, images and deployments of all versions: one answer for all of them. */
export function useDelivered(name: string): UseQueryResult<Delivered> {
  const { client } = useSession();
  return useLive({
    key: ['lineage', 'delivered', name], // changes with manifests, images and services, as lineage does
    fn: signal => client.get('/models/{name}/delivered', { path: { name }, signal })
  });
}

export function useRunOf(runId: string | null): UseQueryResult<RunDetail> {
  const { client } = useSession();
  return useLive({ key: ['run', runId], fn: () => client.run(runId ?? ''), enabled: runId !== null });
}

export function useVersionComparison(
  name: string,
  versions: readonly number[]
): UseQueryResult<VersionComparison> {
  const { client } = useSession();
  const asked = versions.join(',');
  return useLive({
    key: ['model', name, 'comparison', asked],
    fn: signal =>
      client.get('/models/{name}/comparison', { path: { name }, query: { versions: asked }, signal }),
    keep: true
  });
}

export function useActivities(enabled: boolean): UseQueryResult<readonly Activity[]> {
  const { client } = useSession();
  return useLive({ key: ['activities', 'recent', 100], fn: () => client.activities(100), enabled });
}

/** Tell the server something about a model; what is shown of it is asked for again before the next words. */
export function useTell<A>(
  name: string,
  tell: (client: Client, asked: A) => Promise<unknown>
): UseMutationResult<unknown, Error, A> {
  const { client, queries } = useSession();
  return useMutation({
    mutationFn: (asked: A) => tell(client, asked),
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ['model', name] }),
        queries.invalidateQueries({ queryKey: ['lineage'] }),
        queries.invalidateQueries({ queryKey: ['activities'] })
      ])
  });
}
