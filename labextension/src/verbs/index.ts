/** The verbs by the commands that run them. Loaded with the first one. */

import type { CommandArgs } from '../commands';
import { CommandIDs } from '../commands';
import { showFailure } from '../forms/dialog';
import { trackCell } from './cell';
import { configureService } from './configure';
import type { Context } from './context';
import { runFile, runNotebook } from './files';
import { addHost, checkHost, removeHost, startAgent, stopAgent } from './hosts';
import { deleteModel, registerModel, setAlias } from './models';
import {
  buildImage,
  compareManifests,
  createManifest,
  deleteImage,
  deleteManifest,
  exportImage,
  pushImage,
  testImage
} from './packing';
import {
  archiveExperiment,
  cancelActivity,
  cancelRun,
  compare,
  copyId,
  copyPython,
  deleteRuns,
  reproduceRun,
  restoreExperiment,
  tagRuns,
  useExperiment
} from './runs';
import { scaleService } from './scale';
import {
  addDeployment,
  deleteService,
  deploy,
  regenerateKey,
  rollbackService,
  updateService
} from './services';
import { setTraffic, useHttps } from './serviceparts';
import { downloadSnapshot, removeUnusedSnapshots, restoreSnapshot, snapshotFolder } from './snapshots';

type Verbs = {
  readonly [C in keyof CommandArgs]?: (context: Context, args: CommandArgs[C]) => Promise<void> | void;
};

const VERBS = {
  [CommandIDs.cancelRun]: cancelRun,
  [CommandIDs.reproduceRun]: reproduceRun,
  [CommandIDs.tagRuns]: tagRuns,
  [CommandIDs.deleteRuns]: deleteRuns,
  [CommandIDs.compare]: compare,
  [CommandIDs.copyId]: copyId,
  [CommandIDs.copyPython]: copyPython,
  [CommandIDs.restoreSnapshot]: restoreSnapshot,
  [CommandIDs.downloadSnapshot]: downloadSnapshot,
  [CommandIDs.removeUnusedSnapshots]: removeUnusedSnapshots,
  [CommandIDs.snapshotFolder]: snapshotFolder,
  [CommandIDs.registerModel]: registerModel,
  [CommandIDs.setAlias]: setAlias,
  [CommandIDs.deleteModel]: deleteModel,
  [CommandIDs.createManifest]: createManifest,
  [CommandIDs.compareManifests]: compareManifests,
  [CommandIDs.deleteManifest]: deleteManifest,
  [CommandIDs.buildImage]: buildImage,
  [CommandIDs.testImage]: testImage,
  [CommandIDs.pushImage]: pushImage,
  [CommandIDs.exportImage]: exportImage,
  [CommandIDs.deleteImage]: deleteImage,
  [CommandIDs.deploy]: deploy,
  [CommandIDs.updateService]: updateService,
  [CommandIDs.addDeployment]: addDeployment,
  [CommandIDs.setTraffic]: setTraffic,
  [CommandIDs.useHttps]: useHttps,
  [CommandIDs.rollbackService]: rollbackService,
  [CommandIDs.scaleService]: scaleService,
  [CommandIDs.configureService]: configureService,
  [CommandIDs.regenerateKey]: regenerateKey,
  [CommandIDs.deleteService]: deleteService,
  [CommandIDs.cancelActivity]: cancelActivity,
  [CommandIDs.startAgent]: startAgent,
  [CommandIDs.stopAgent]: stopAgent,
  [CommandIDs.runFile]: runFile,
  [CommandIDs.runNotebook]: runNotebook,
  [CommandIDs.trackCell]: trackCell,
  [CommandIDs.useExperiment]: useExperiment,
  [CommandIDs.archiveExperiment]: archiveExperiment,
  [CommandIDs.restoreExperiment]: restoreExperiment,
  [CommandIDs.addHost]: addHost,
  [CommandIDs.checkHost]: checkHost,
  [CommandIDs.removeHost]: removeHost
} satisfies Verbs;

export type VerbId = keyof typeof VERBS;

/** Do it. What goes wrong outside of a form is told in a notification. */
export async function execute(context: Context, id: VerbId, args: object): Promise<void> {
  try {
    await (VERBS[id] as (context: Context, args: object) => Promise<void> | void)(context, args);
  } catch (error) {
    showFailure(error);
  }
}
