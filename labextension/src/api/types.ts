/** The server's records by their names. It sends every field, so none is optional here. */

import type { components } from './schema';

type Schemas = components['schemas'];
type Sent<K extends keyof Schemas> = Readonly<Required<Schemas[K]>>;

export type Run = Sent<'Run'>;
export type RunStatus = Run['status'];
export type MetricValue = Run['metrics'][string];
export type Experiment = Sent<'Experiment'>;
export type ModelVersion = Sent<'ModelVersion'>;
export type Model = Omit<Sent<'Model'>, 'versions'> & { readonly versions: readonly ModelVersion[] };
export type Service = Sent<'Service'>;
export type Activity = Sent<'Activity'>;
export type Problem = Sent<'Problem'>;
export type Event = Sent<'Event'>;

/** Which workspace the server shows. `seq` is that of its newest event. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  /** The folder that holds `.mlops`. */
  readonly home: string;
  readonly root: string;
  readonly seq: number;
  /** Version of the server extension. */
  readonly version: string;
}

export interface Items<T> {
  readonly items: readonly T[];
}
