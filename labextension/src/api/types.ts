/** The server's records and addresses, by their names in its OpenAPI document. */

import type { components, paths } from './schema';

type Schemas = components['schemas'];

export type Workspace = Readonly<Schemas['WorkspaceInfo']>;
export type Experiment = Readonly<Schemas['Experiment']>;
export type Run = Readonly<Schemas['Run']>;
export type RunDetail = Readonly<Schemas['RunDetail']>;
export type RunStatus = Run['status'];
export type MetricValue = Run['metrics'][string];
export type Model = Readonly<Schemas['Model']>;
export type ModelVersion = Readonly<Schemas['ModelVersion']>;
export type Service = Readonly<Schemas['Service']>;
export type Activity = Readonly<Schemas['Activity']>;
export type Event = Readonly<Schemas['Event']>;
export type Problem = Readonly<Schemas['Problem']>;

/** Addresses that can be read without naming a thing. */
export type Address = {
  [P in keyof paths]: paths[P] extends { get: { parameters: { path?: never } } } ? P : never;
}[keyof paths];

type Get<P extends Address> = paths[P] extends { get: infer G } ? G : never;

/** What `GET` of an address may be asked with. */
export type QueryOf<P extends Address> =
  Get<P> extends { parameters: { query?: infer Q } } ? Exclude<Q, undefined> : never;

/** What `GET` of an address answers. */
export type ReplyOf<P extends Address> =
  Get<P> extends { responses: { 200: { content: { 'application/json': infer R } } } } ? R : never;
