/** The commands: their ids and arguments. Menus, buttons and other extensions run them by these. */

/** What opens in the main area. */
export type Kind = 'run' | 'compare' | 'experiment' | 'model' | 'service';

/**
 * `subject` names what is opened: a run's id, the ids of runs with commas between them, an experiment (empty for
 * all of them), a model (`churn`, `churn:3`, `churn@champion`), a service.
 */
export interface OpenArgs {
  readonly kind: Kind;
  readonly subject: string;
}

export interface ShowArgs extends OpenArgs {
  /** The tab that is to be shown of a service; the one that was looked at last where it is left out. */
  readonly tab?: string;
}

export const CommandIDs = {
  open: 'mlops:open',
  copyLink: 'mlops:copy-link',
  followLink: 'mlops:follow-link',
  showSidebar: 'mlops:show-sidebar',
  cancelRun: 'mlops:cancel-run',
  reproduceRun: 'mlops:reproduce-run',
  tagRuns: 'mlops:tag-runs',
  deleteRuns: 'mlops:delete-runs',
  compare: 'mlops:compare',
  copyId: 'mlops:copy-id',
  copyPython: 'mlops:copy-python',
  restoreSnapshot: 'mlops:restore-snapshot',
  downloadSnapshot: 'mlops:download-snapshot',
  removeUnusedSnapshots: 'mlops:remove-unused-snapshots',
  registerModel: 'mlops:register-model',
  setAlias: 'mlops:set-alias',
  deleteModel: 'mlops:delete-model',
  createManifest: 'mlops:create-manifest',
  compareManifests: 'mlops:compare-manifests',
  deleteManifest: 'mlops:delete-manifest',
  buildImage: 'mlops:build-image',
  testImage: 'mlops:test-image',
  pushImage: 'mlops:push-image',
  exportImage: 'mlops:export-image',
  deleteImage: 'mlops:delete-image',
  deploy: 'mlops:deploy',
  updateService: 'mlops:update-service',
  addDeployment: 'mlops:add-deployment',
  setTraffic: 'mlops:set-traffic',
  useHttps: 'mlops:use-https',
  rollbackService: 'mlops:rollback-service',
  scaleService: 'mlops:scale-service',
  configureService: 'mlops:configure-service',
  regenerateKey: 'mlops:regenerate-key',
  deleteService: 'mlops:delete-service',
  cancelActivity: 'mlops:cancel-activity',
  startAgent: 'mlops:start-agent',
  stopAgent: 'mlops:stop-agent',
  runFile: 'mlops:run-file',
  runNotebook: 'mlops:run-notebook',
  snapshotFolder: 'mlops:snapshot-folder',
  trackCell: 'mlops:track-cell',
  useExperiment: 'mlops:use-experiment',
  archiveExperiment: 'mlops:archive-experiment',
  restoreExperiment: 'mlops:restore-experiment',
  addHost: 'mlops:add-host',
  checkHost: 'mlops:check-host',
  removeHost: 'mlops:remove-host'
} as const;

/** What each command takes. A command asks in a form for what it needs and was not given. */
export interface CommandArgs {
  [CommandIDs.open]: ShowArgs;
  [CommandIDs.copyLink]: OpenArgs;
  [CommandIDs.followLink]: { readonly link?: string };
  [CommandIDs.showSidebar]: { readonly section?: string };
  [CommandIDs.cancelRun]: { readonly run?: string };
  [CommandIDs.reproduceRun]: { readonly run?: string };
  [CommandIDs.tagRuns]: { readonly runs?: readonly string[] };
  [CommandIDs.deleteRuns]: { readonly runs?: readonly string[] };
  [CommandIDs.compare]: { readonly runs?: readonly string[] };
  [CommandIDs.copyId]: { readonly id: string };
  [CommandIDs.copyPython]: Partial<OpenArgs>;
  [CommandIDs.restoreSnapshot]: { readonly snapshot?: string };
  [CommandIDs.downloadSnapshot]: { readonly snapshot?: string };
  [CommandIDs.removeUnusedSnapshots]: Readonly<Record<string, never>>;
  [CommandIDs.registerModel]: { readonly run?: string; readonly path?: string };
  [CommandIDs.setAlias]: { readonly model?: string; readonly version?: number };
  [CommandIDs.deleteModel]: { readonly model?: string; readonly version?: number };
  [CommandIDs.createManifest]: { readonly models?: readonly string[] };
  [CommandIDs.compareManifests]: { readonly manifest?: string };
  [CommandIDs.deleteManifest]: { readonly manifest?: string };
  [CommandIDs.buildImage]: { readonly manifest?: string };
  [CommandIDs.testImage]: { readonly image?: string };
  [CommandIDs.pushImage]: { readonly image?: string };
  [CommandIDs.exportImage]: { readonly image?: string };
  [CommandIDs.deleteImage]: { readonly image?: string };
  [CommandIDs.deploy]: { readonly model?: string; readonly version?: number };
  [CommandIDs.updateService]: { readonly service?: string };
  [CommandIDs.addDeployment]: { readonly service?: string };
  [CommandIDs.setTraffic]: { readonly service?: string };
  [CommandIDs.useHttps]: { readonly service?: string };
  [CommandIDs.rollbackService]: { readonly service?: string };
  [CommandIDs.scaleService]: { readonly service?: string };
  [CommandIDs.configureService]: { readonly service?: string };
  [CommandIDs.regenerateKey]: { readonly service?: string; readonly which?: 'primary' | 'secondary' };
  [CommandIDs.deleteService]: { readonly service?: string };
  [CommandIDs.cancelActivity]: { readonly activity?: string };
  [CommandIDs.startAgent]: Readonly<Record<string, never>>;
  [CommandIDs.stopAgent]: Readonly<Record<string, never>>;
  [CommandIDs.runFile]: { readonly path?: string };
  [CommandIDs.runNotebook]: Readonly<Record<string, never>>;
  [CommandIDs.snapshotFolder]: { readonly path?: string };
  [CommandIDs.trackCell]: Readonly<Record<string, never>>;
  [CommandIDs.useExperiment]: { readonly experiment?: string };
  [CommandIDs.archiveExperiment]: { readonly experiment?: string };
  [CommandIDs.restoreExperiment]: Readonly<Record<string, never>>;
  [CommandIDs.addHost]: Readonly<Record<string, never>>;
  [CommandIDs.checkHost]: { readonly host?: string };
  [CommandIDs.removeHost]: { readonly host?: string };
}

export type CommandId = keyof CommandArgs;
