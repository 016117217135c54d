/** What the commands are called, in menus and in the palette. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commands';
import type { VerbId } from '../verbs';

export interface Name {
  readonly label: string;
  /** In a menu that hangs on something; the label where there is none. */
  readonly short?: string;
  readonly caption?: string;
}

/** In the order in which a list of all of them reads well. */
export function names(trans: TranslationBundle): Readonly<Record<VerbId, Name>> {
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
      caption: trans.__('Record what this cell does as a run: %%ml run above it')
    },
    [CommandIDs.compare]: { label: trans.__('Compare Runs…') },
    [CommandIDs.tagRuns]: { label: trans.__('Tag Runs…') },
    [CommandIDs.cancelRun]: { label: trans.__('Cancel a Run…'), short: trans.__('Cancel') },
    [CommandIDs.reproduceRun]: { label: trans.__('Reproduce a Run…') },
    [CommandIDs.deleteRuns]: { label: trans.__('Delete Runs…') },
    [CommandIDs.copyPython]: { label: trans.__('Copy Python That Loads a Run…') },
    [CommandIDs.copyId]: { label: trans.__('Copy Id') },
    [CommandIDs.useExperiment]: { label: trans.__('Use an Experiment…') },
    [CommandIDs.archiveExperiment]: { label: trans.__('Archive an Experiment…') },
    [CommandIDs.snapshotFolder]: {
      label: trans.__('Take a Snapshot of a Folder…'),
      short: trans.__('Snapshot…'),
      caption: trans.__('Keep the folder as it is now, to be restored byte for byte')
    },
    [CommandIDs.restoreSnapshot]: { label: trans.__('Restore a Snapshot…') },
    [CommandIDs.registerModel]: {
      label: trans.__('Register a Model…'),
      short: trans.__('Register as Model…'),
      caption: trans.__('Make a run’s model, or a file or folder, a version of a model')
    },
    [CommandIDs.setAlias]: { label: trans.__('Set an Alias of a Model…') },
    [CommandIDs.deleteModel]: { label: trans.__('Delete a Model…') },
    [CommandIDs.createManifest]: { label: trans.__('Create a Manifest…') },
    [CommandIDs.buildImage]: { label: trans.__('Build an Image…') },
    [CommandIDs.deploy]: {
      label: trans.__('Deploy a Model…'),
      caption: trans.__('Serve a registered model with a URL and keys')
    },
    [CommandIDs.updateService]: { label: trans.__('Update a Service…') },
    [CommandIDs.addDeployment]: { label: trans.__('Add a Deployment to a Service…') },
    [CommandIDs.rollbackService]: { label: trans.__('Roll a Service Back…') },
    [CommandIDs.scaleService]: { label: trans.__('Scale a Service…') },
    [CommandIDs.configureService]: { label: trans.__('Configure a Service…') },
    [CommandIDs.regenerateKey]: { label: trans.__('Regenerate a Key of a Service…') },
    [CommandIDs.deleteService]: { label: trans.__('Delete a Service…') },
    [CommandIDs.cancelActivity]: { label: trans.__('Cancel an Activity…') },
    [CommandIDs.startAgent]: { label: trans.__('Start the Agent') },
    [CommandIDs.addHost]: { label: trans.__('Add a Host…') },
    [CommandIDs.removeHost]: { label: trans.__('Remove a Host…') }
  };
}
