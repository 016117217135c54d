/** Records as the server sends them, for specs to vary. */

import type { Activity, Experiment, Model, ModelVersion, Run, Service, Workspace } from '../api/types';

export function workspace(change: Partial<Workspace> = {}): Workspace {
  return {
    exists: true,
    id: 'w1',
    name: 'churn',
    home: '/home/ada/churn',
    short_home: '~/churn',
    root: '/home/ada/churn/.mlops',
    seq: 10,
    version: '0.1.0',
    ...change
  };
}

export function experiment(change: Partial<Experiment> = {}): Experiment {
  return {
    id: '1',
    name: 'forest',
    n_runs: 1,
    n_running: 0,
    n_roots: null,
    created_at: 1000,
    archived: false,
    in_use: false,
    ...change
  };
}

export function run(change: Partial<Run> = {}): Run {
  return {
    id: 'r1',
    name: 'brave-owl-1',
    experiment: 'forest',
    status: 'FINISHED',
    started_at: 1000,
    ended_at: 1010,
    duration_s: 10,
    project: 'churn',
    actor: 'ada',
    params: {},
    metrics: {},
    tags: {},
    parent: null,
    reason: '',
    artifact_uri: '',
    deleted: false,
    ...change
  };
}

export function version(change: Partial<ModelVersion> = {}): ModelVersion {
  return {
    name: 'churn',
    version: 1,
    created_at: 1000,
    created_by: 'ada',
    run_id: 'r1',
    source: '',
    flavor: 'sklearn',
    n_bytes: 1200,
    description: '',
    tags: {},
    aliases: [],
    services: [],
    ...change
  };
}

export function model(change: Partial<Model> = {}): Model {
  return {
    name: 'churn',
    latest: 1,
    description: '',
    tags: {},
    aliases: {},
    services: [],
    versions: [version()],
    ...change
  };
}

export function service(change: Partial<Service> = {}): Service {
  return {
    name: 'churn',
    version: 0,
    created_at: 1000,
    created_by: 'ada',
    host: 'process',
    deployments: [
      {
        name: 'm1',
        manifest: 'churn:1',
        replicas: 1,
        scale: null,
        resources: { cpus: 0, memory_bytes: 0, gpus: 0 },
        weight: 100,
        image: '',
        revision: 0,
        mirror: 0
      }
    ],
    bind: '127.0.0.1',
    port: 40123,
    url: 'http://127.0.0.1:40123',
    certificate: null,
    limits: { max_concurrent: 256, max_queue: 10, max_batch: 256, max_body_bytes: 10_000_000, timeout_s: 60 },
    log_level: 'info',
    telemetry: { enabled: true, sample: 1, hash: [], drop: [], store: '', keep_days: 0 },
    otlp_endpoint: '',
    node: 'here',
    state: 'ready',
    message: '',
    n_ready: 1,
    key_digests: [],
    history: [],
    ...change
  };
}

export function activity(change: Partial<Activity> = {}): Activity {
  return {
    name: 'a1',
    version: 0,
    created_at: 1000,
    created_by: 'ada',
    verb: 'services.deploy',
    subject: 'service churn',
    args: {},
    state: 'running',
    progress: 0.4,
    message: 'waiting until the replica is ready',
    cancel_asked: false,
    error: null,
    result: {},
    node: 'here',
    started_at: 1000,
    ended_at: null,
    ...change
  };
}
