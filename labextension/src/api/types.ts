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
export type Host = Readonly<Schemas['HostState']>;
export type Snapshot = Readonly<Schemas['Snapshot']>;
export type Manifest = Readonly<Schemas['Manifest']>;
export type Image = Readonly<Schemas['Image']>;
export type RunFields = Readonly<Schemas['RunFields']>;
export type FieldKind = RunFields['fields'][string];
export type ModelContents = Readonly<Schemas['ModelContents']>;
export type ModelFile = Readonly<Schemas['ModelFile']>;
export type ModelSchema = Readonly<Schemas['Schema']>;
export type VersionComparison = Readonly<Schemas['VersionComparison']>;
export type Delivered = Readonly<Schemas['Delivered']>;
export type MadeManifest = Readonly<Schemas['MadeManifest']>;
export type MadeImage = Readonly<Schemas['MadeImage']>;
export type Use = Readonly<Schemas['Use']>;
export type LineageNode = Readonly<Omit<Schemas['Node'], 'facts'> & { facts: Record<string, unknown> }>;
export type Lineage = Readonly<Omit<Schemas['Lineage'], 'nodes'> & { nodes: LineageNode[] }>;
export type Curve = Readonly<Schemas['Curve']>;
export type LogPart = Readonly<Schemas['LogPart']>;
export type Artifact = Readonly<Schemas['Artifact']>;
export type SnapshotDetail = Readonly<Schemas['SnapshotDetail']>;
export type SnapshotFile = Readonly<Schemas['SnapshotFile']>;
export type FieldChange = Readonly<Schemas['FieldChange']>;
export type FileChange = Readonly<Schemas['FileChange']>;
export type Problem = Readonly<Schemas['Problem']>;
export type AbsentRun = Readonly<Schemas['AbsentRun']>;
export type CodeDiff = Readonly<Schemas['CodeDiff']>;
export type CodeVersion = Readonly<Schemas['CodeVersion']>;
export type Packages = Readonly<Schemas['Packages']>;
export type UsedData = Readonly<Schemas['UsedData']>;
export type Environment = Readonly<Schemas['Environment']>;

/** What Jupyter Server's authorizer is asked for. */
export type Action = 'read' | 'write' | 'execute';

export type Method = 'get' | 'post' | 'patch' | 'delete';

/** Paths that answer to a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type Operation<P extends PathOf<M>, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;

type PathPart<O> = O extends { parameters: { path: infer A extends object } }
  ? { readonly path: { readonly [K in keyof A]: A[K] } }
  : { readonly path?: never };

type QueryPart<O> = O extends { parameters: { query: infer Q extends object } }
  ? { readonly query: Q }
  : O extends { parameters: { query?: infer Q } }
    ? { readonly query?: Exclude<Q, undefined> }
    : { readonly query?: never };

type BodyPart<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { readonly body: B }
  : { readonly body?: never };

type Ask<O> = PathPart<O> & QueryPart<O> & BodyPart<O> & { readonly signal?: AbortSignal };

/** What an operation is asked with: nothing where it takes nothing. */
export type Asked<P extends PathOf<M>, M extends Method> =
  object extends Ask<Operation<P, M>> ? [ask?: Ask<Operation<P, M>>] : [ask: Ask<Operation<P, M>>];

type Body<R> = R extends { content: { 'application/json': infer B } } ? B : never;

/** What an operation answers. */
export type ReplyOf<P extends PathOf<M>, M extends Method> =
  Operation<P, M> extends { responses: infer R }
    ? 204 extends keyof R
      ? undefined
      : Body<R[Extract<keyof R, 200 | 201 | 202>]>
    : never;
