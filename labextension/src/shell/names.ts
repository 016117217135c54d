/** What the commands are called, in menus and in the palette. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import type { VerbId } from '../verbs';
import { MAGIC } from '../verbs/magic';

export interface Name {
  readonly label: string;
  /** In a menu that hangs on something; the label where there is none. */
  readonly short?: string;
  /** In the menu of the very thing that it is done to; the label where there is none. */
  readonly on?: string;
  readonly caption?: string;
}

/** In the order in which a list of all of them reads well. */
export function names(trans: TranslationBundle): Readonly<Record<VerbId, Name>> {
  return { ...ofRuns(trans), ...ofModels(trans), ...ofServices(trans) };
}

function ofRuns(trans: TranslationBundle) {
  return {
    [CommandIDs.runFile]: {
      label: trans.__('Run a Script or Notebook as Experiment…'),
      short: trans.__('Run as Experiment…'),
      caption: trans.__('Run a script or notebook as a tracked run, in a process of its own')
    },
    [CommandIDs.runNotebook]: {
      label: trans.__('Run Notebook as Experiment'),
      caption: trans.__('Save this notebook and run it as a tracked run, in a process of its own')
    },
    [CommandIDs.trackCell]: {
      label: trans.__('Track This Cell'),
      caption: trans.__('Record what this cell does as a run: %1 above it', MAGIC)
    },
    [CommandIDs.compare]: { label: trans.__('Compare Runs…'), on: trans.__('Compare') },
    [CommandIDs.tagRuns]: { label: trans.__('Tag Runs…'), on: trans.__('Tag…') },
    [CommandIDs.cancelRun]: { label: trans.__('Cancel a Run…'), on: trans.__('Cancel…') },
    [CommandIDs.reproduceRun]: { label: trans.__('Reproduce a Run…'), on: trans.__('Reproduce…') },
    [CommandIDs.deleteRuns]: { label: trans.__('Delete Runs…'), on: trans.__('Delete…') },
    [CommandIDs.copyPython]: {
      label: trans.__('Copy Python That Loads a Run…'),
      on: trans.__('Copy Python')
    },
    [CommandIDs.copyId]: { label: trans.__('Copy Id') },
    [CommandIDs.useExperiment]: { label: trans.__('Use an Experiment…'), on: trans.__('Use for New Runs') },
    [CommandIDs.archiveExperiment]: { label: trans.__('Archive an Experiment…'), on: trans.__('Archive…') },
    [CommandIDs.restoreExperiment]: { label: trans.__('Bring an Experiment Back…') },
    [CommandIDs.snapshotFolder]: {
      label: trans.__('Take a Snapshot of a Folder…'),
      short: trans.__('Snapshot…'),
      caption: trans.__('Keep the folder as it is now, to be restored byte for byte')
    },
    [CommandIDs.restoreSnapshot]: { label: trans.__('Restore a Snapshot…'), on: trans.__('Restore…') },
    [CommandIDs.downloadSnapshot]: { label: trans.__('Download a Snapshot…'), on: trans.__('Download') },
    [CommandIDs.removeUnusedSnapshots]: {
      label: trans.__('Remove Unused Snapshots…'),
      caption: trans.__('Free the space of snapshots that no run refers to')
    }
  } satisfies Partial<Record<VerbId, Name>>;
}

function ofModels(trans: TranslationBundle) {
  return {
    [CommandIDs.registerModel]: {
      label: trans.__('Register a Model…'),
      on: trans.__('Register as Model…'),
      short: trans.__('Register as Model…'),
      caption: trans.__('Make a run’s model, or a file or folder, a version of a model')
    },
    [CommandIDs.setAlias]: { label: trans.__('Set an Alias of a Model…'), on: trans.__('Set an Alias…') },
    [CommandIDs.deleteModel]: { label: trans.__('Delete a Model…'), on: trans.__('Delete…') },
    [CommandIDs.createManifest]: { label: trans.__('Create a Manifest…') },
    [CommandIDs.compareManifests]: {
      label: trans.__('Compare Manifests…'),
      on: trans.__('Compare with…'),
      caption: trans.__('What differs between two manifests: files, packages, schema, sample')
    },
    [CommandIDs.deleteManifest]: { label: trans.__('Delete a Manifest…'), on: trans.__('Delete…') },
    [CommandIDs.buildImage]: { label: trans.__('Build an Image…') },
    [CommandIDs.testImage]: {
      label: trans.__('Test an Image…'),
      on: trans.__('Test'),
      caption: trans.__('Start it, score the sample, and compare with what the manifest recorded')
    },
    [CommandIDs.pushImage]: { label: trans.__('Push an Image…'), on: trans.__('Push…') },
    [CommandIDs.exportImage]: {
      label: trans.__('Export an Image…'),
      on: trans.__('Export…'),
      caption: trans.__('Write it into a file that `docker load` reads')
    },
    [CommandIDs.deleteImage]: { label: trans.__('Delete an Image…'), on: trans.__('Delete…') },
    [CommandIDs.deploy]: {
      label: trans.__('Deploy a Model…'),
      on: trans.__('Deploy…'),
      caption: trans.__('Serve a registered model with a URL and keys')
    }
  } satisfies Partial<Record<VerbId, Name>>;
}

function ofServices(trans: TranslationBundle) {
  return {
    [CommandIDs.updateService]: { label: trans.__('Update a Service…'), on: trans.__('Update…') },
    [CommandIDs.addDeployment]: {
      label: trans.__('Add a Deployment to a Service…'),
      on: trans.__('Add a Deployment…')
    },
    [CommandIDs.setTraffic]: { label: trans.__('Set the Traffic of a Service…'), on: trans.__('Traffic…') },
    [CommandIDs.useHttps]: { label: trans.__('Use HTTPS for a Service…'), on: trans.__('HTTPS…') },
    [CommandIDs.rollbackService]: { label: trans.__('Roll a Service Back…'), on: trans.__('Roll Back…') },
    [CommandIDs.scaleService]: { label: trans.__('Scale a Service…'), on: trans.__('Scale…') },
    [CommandIDs.configureService]: { label: trans.__('Configure a Service…'), on: trans.__('Configure…') },
    [CommandIDs.regenerateKey]: {
      label: trans.__('Regenerate a Key of a Service…'),
      on: trans.__('Regenerate a Key…')
    },
    [CommandIDs.deleteService]: { label: trans.__('Delete a Service…'), on: trans.__('Delete…') },
    [CommandIDs.cancelActivity]: { label: trans.__('Cancel an Activity…'), on: trans.__('Cancel') },
    [CommandIDs.startAgent]: { label: trans.__('Start the Agent') },
    [CommandIDs.stopAgent]: { label: trans.__('Stop the Agent…') },
    [CommandIDs.addHost]: { label: trans.__('Add a Host…') },
    [CommandIDs.checkHost]: { label: trans.__('Check a Host…'), on: trans.__('Check') },
    [CommandIDs.removeHost]: { label: trans.__('Remove a Host…'), on: trans.__('Remove…') }
  } satisfies Partial<Record<VerbId, Name>>;
}
