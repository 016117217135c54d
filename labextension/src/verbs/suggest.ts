/** What fields are completed with. */

import type { QueryKey } from '@tanstack/react-query';

import type { Activity, Experiment, Model, Run, Service } from '../api/types';
import { titleOf } from '../activities/model';
import type { Option } from '../forms/model';
import type { Context } from './context';

/** Among how many of the newest runs and snapshots a field completes. */
const NEWEST = 200;
const DIGITS = 8;

type Suggest = () => Promise<readonly Option[]>;

/** A form is seldom opened and shows once: it asks, whatever the panels know, which hear of a change a moment later. */
function ask<T>(context: Context, queryKey: QueryKey, queryFn: () => Promise<T>): Promise<T> {
  return context.session.queries.query({ queryKey, queryFn, staleTime: 0 });
}

export function allModels(context: Context): Promise<readonly Model[]> {
  return ask(context, ['models'], () => context.client.models());
}

export function allServices(context: Context): Promise<readonly Service[]> {
  return ask(context, ['services'], () => context.client.services());
}

export async function serviceOf(context: Context, name: string): Promise<Service | undefined> {
  return (await allServices(context)).find(service => service.name === name);
}

/** Versions as they are written: `churn:3`, and by alias `churn@champion`. */
export function modelRefs(context: Context): Suggest {
  return async () =>
    (await allModels(context)).flatMap(model => [
      ...model.versions.map(one => ({
        value: `${model.name}:${one.version}`,
        note: [...one.aliases.map(alias => `@${alias}`), one.flavor].filter(Boolean).join(' ')
      })),
      ...Object.entries(model.aliases).map(([alias, version]) => ({
        value: `${model.name}@${alias}`,
        note: context.trans.__('version %1 now', version)
      }))
    ]);
}

/** Names of models alone. */
export function modelNames(context: Context): Suggest {
  return async () =>
    (await allModels(context)).map(model => ({
      value: model.name,
      note: context.trans.__('version %1', model.latest)
    }));
}

export function serviceNames(context: Context): Suggest {
  return async () =>
    (await allServices(context)).map(service => ({ value: service.name, note: service.state }));
}

/** Deployments of the service that another field names. */
export function deploymentNames(
  context: Context,
  service: (values: Readonly<Record<string, unknown>>) => string
): (typed: string, values: Readonly<Record<string, unknown>>) => Promise<readonly Option[]> {
  return async (_, values) =>
    ((await serviceOf(context, service(values)))?.deployments ?? []).map(one => ({
      value: one.name,
      note: `${one.manifest} · ${one.weight}%`
    }));
}

export function experimentNames(context: Context): Suggest {
  return async () => {
    const found: readonly Experiment[] = await ask(context, ['experiments'], () =>
      context.client.experiments()
    );
    return found.map(one => ({
      value: one.name,
      note: one.in_use ? context.trans.__('in use') : ''
    }));
  };
}

export function archivedNames(context: Context): Suggest {
  return async () => {
    const query = { archived: true };
    const found = await ask(context, ['experiments', 'archived'], () =>
      context.client.get('/experiments', { query })
    );
    return found.items.map(one => ({
      value: one.name,
      note: one.n_runs === null ? '' : context.trans._n('%1 run', '%1 runs', one.n_runs)
    }));
  };
}

/** The newest runs by name, and by id where several have it. */
export function runRefs(context: Context, passes: (run: Run) => boolean = () => true): Suggest {
  return async () => {
    const runs = await ask(context, ['runs', 'newest', NEWEST], () => context.client.runs({ limit: NEWEST }));
    const times = new Map<string, number>();
    runs.forEach(run => times.set(run.name, (times.get(run.name) ?? 0) + 1));
    return runs.filter(passes).map(run => ({
      value: times.get(run.name) === 1 && !/[\s,]/.test(run.name) ? run.name : run.id.slice(0, DIGITS),
      label: run.name.slice(0, 100),
      note: `${run.experiment.slice(0, 60)} · ${run.id.slice(0, DIGITS)}`
    }));
  };
}

export function manifestRefs(context: Context): Suggest {
  return async () =>
    (await ask(context, ['manifests'], () => context.client.get('/manifests'))).items.map(one => ({
      value: `${one.name}:${one.version}`,
      note: one.models.map(model => `${model.name}:${model.version}`).join(', ')
    }));
}

export function imageNames(context: Context): Suggest {
  return async () =>
    (await ask(context, ['images'], () => context.client.get('/images'))).items.map(one => ({
      value: one.name,
      note: one.platform
    }));
}

export function hostNames(context: Context): Suggest {
  return async () =>
    (await ask(context, ['hosts'], () => context.client.get('/hosts'))).items.map(one => ({
      value: one.name,
      note: one.where
    }));
}

export function snapshotNames(context: Context): Suggest {
  return async () =>
    (
      await ask(context, ['snapshots', NEWEST], () =>
        context.client.get('/snapshots', { query: { limit: NEWEST } })
      )
    ).items.map(one => ({
      value: one.name,
      note: `${one.source.split('/').pop() ?? ''} · ${new Date(one.created_at * 1000).toLocaleString()}`
    }));
}

export function runningActivities(context: Context): Suggest {
  return async () => {
    const found: readonly Activity[] = await ask(context, ['activities', 100], () =>
      context.client.activities(100)
    );
    return found
      .filter(one => one.state === 'queued' || one.state === 'running')
      .map(one => ({ value: one.name, label: titleOf(one, context.trans), note: one.message }));
  };
}

/** Files, folder by folder, as the file browser names them. */
export function paths(
  context: Context,
  passes: (file: { readonly name: string; readonly type: string }) => boolean
): (before: string) => Promise<readonly Option[]> {
  return async before => {
    const folder = before.replace(/\/+$/, '');
    const listed = await ask(context, ['contents', folder], () =>
      context.session.lab.manager.contents.get(folder, { content: true })
    );
    context.session.queries.removeQueries({ queryKey: ['contents', folder] }); // nobody tells of changes in it
    const files = listed.content as readonly { readonly name: string; readonly type: string }[];
    return [...files]
      .filter(file => file.type === 'directory' || passes(file))
      .sort(
        (a, b) =>
          Number(b.type === 'directory') - Number(a.type === 'directory') || a.name.localeCompare(b.name)
      )
      .map(file => ({ value: file.type === 'directory' ? `${file.name}/` : file.name }));
  };
}

export const runnable = (file: { readonly name: string }): boolean => /\.(py|ipynb)$/.test(file.name);
export const anyFile = (): boolean => true;
export const noFile = (): boolean => false;
