/** What can be done with what a person points at: the commands of menus and of buttons in the heads of sections. */

import { isActive } from '../activities/model';
import { CommandIDs } from '../commands';
import type { CommandArgs, CommandId } from '../commands';
import type { Run } from '../api/types';
import type { PanelNode, SectionId } from './model';

export interface Entry {
  readonly command: CommandId;
  readonly args: Readonly<Record<string, unknown>>;
  /** Whether it changes something: not for who may only look. */
  readonly writes: boolean;
}

export type MenuEntry = Entry | 'separator';

function reads<C extends CommandId>(command: C, args: CommandArgs[C]): Entry {
  return { command, args: { ...args }, writes: false };
}

function writes<C extends CommandId>(command: C, args: CommandArgs[C]): Entry {
  return { command, args: { ...args }, writes: true };
}

/** The menu of a node; `runs` are those that are selected with it, itself included. */
export function menuOf(node: PanelNode, runs: readonly Run[], canWrite: boolean): readonly MenuEntry[] {
  const entries = node.kind === 'run' && runs.length > 1 ? runsMenu(runs) : entriesOf(node);
  return tidied(entries.filter(entry => entry === 'separator' || canWrite || !entry.writes));
}

function entriesOf(node: PanelNode): readonly MenuEntry[] {
  switch (node.kind) {
    case 'section':
      return sectionEntries(node.section);
    case 'experiment': {
      const { name } = node.experiment;
      return [
        reads(CommandIDs.open, { kind: 'experiment', subject: name }),
        'separator',
        writes(CommandIDs.useExperiment, { experiment: name }),
        writes(CommandIDs.archiveExperiment, { experiment: name }),
        'separator',
        reads(CommandIDs.copyLink, { kind: 'experiment', subject: name })
      ];
    }
    case 'run':
      return runMenu(node.run);
    case 'model':
      return modelMenu(node.model.name, node.model.latest);
    case 'version':
      return versionMenu(node.version.name, node.version.version);
    case 'service':
      return serviceMenu(node.service.name);
    case 'activity': {
      const { name } = node.activity;
      return [
        ...(isActive(node.activity) ? [writes(CommandIDs.cancelActivity, { activity: name })] : []),
        'separator',
        reads(CommandIDs.copyId, { id: name })
      ];
    }
    case 'host':
      return [
        reads(CommandIDs.checkHost, { host: node.host.name }),
        writes(CommandIDs.addHost, {}),
        ...(node.isLocal ? [] : [writes(CommandIDs.removeHost, { host: node.host.name })]),
        'separator',
        reads(CommandIDs.copyId, { id: node.host.name })
      ];
    case 'snapshot':
      return [
        writes(CommandIDs.restoreSnapshot, { snapshot: node.snapshot.name }),
        reads(CommandIDs.downloadSnapshot, { snapshot: node.snapshot.name }),
        'separator',
        reads(CommandIDs.copyId, { id: node.snapshot.name }),
        'separator',
        writes(CommandIDs.removeUnusedSnapshots, {})
      ];
    case 'manifest':
      return [
        writes(CommandIDs.buildImage, { manifest: node.ref }),
        reads(CommandIDs.compareManifests, { manifest: node.ref }),
        'separator',
        reads(CommandIDs.copyId, { id: node.ref }),
        'separator',
        writes(CommandIDs.deleteManifest, { manifest: node.ref })
      ];
    case 'image':
      return [
        writes(CommandIDs.testImage, { image: node.image.name }),
        writes(CommandIDs.pushImage, { image: node.image.name }),
        writes(CommandIDs.exportImage, { image: node.image.name }),
        'separator',
        reads(CommandIDs.copyId, { id: node.image.tag }),
        'separator',
        writes(CommandIDs.deleteImage, { image: node.image.name })
      ];
    default:
      return [];
  }
}

function runMenu(run: Run): readonly MenuEntry[] {
  const { id } = run;
  const isOver = run.status !== 'RUNNING' && run.status !== 'SCHEDULED';
  return [
    reads(CommandIDs.open, { kind: 'run', subject: id }),
    reads(CommandIDs.compare, { runs: [id] }),
    'separator',
    ...(isOver ? [] : [writes(CommandIDs.cancelRun, { run: id })]),
    writes(CommandIDs.reproduceRun, { run: id }),
    writes(CommandIDs.registerModel, { run: id }),
    writes(CommandIDs.tagRuns, { runs: [id] }),
    'separator',
    reads(CommandIDs.copyId, { id }),
    reads(CommandIDs.copyLink, { kind: 'run', subject: id }),
    reads(CommandIDs.copyPython, { kind: 'run', subject: id }),
    'separator',
    writes(CommandIDs.deleteRuns, { runs: [id] })
  ];
}

function runsMenu(runs: readonly Run[]): readonly MenuEntry[] {
  const ids = runs.map(({ id }) => id);
  return [
    reads(CommandIDs.compare, { runs: ids }),
    writes(CommandIDs.tagRuns, { runs: ids }),
    'separator',
    reads(CommandIDs.copyLink, { kind: 'compare', subject: ids.join(',') }),
    'separator',
    writes(CommandIDs.deleteRuns, { runs: ids })
  ];
}

function modelMenu(model: string, latest: number): readonly MenuEntry[] {
  return [
    reads(CommandIDs.open, { kind: 'model', subject: model }),
    'separator',
    writes(CommandIDs.deploy, { model, version: latest }),
    writes(CommandIDs.setAlias, { model }),
    writes(CommandIDs.createManifest, { models: [model] }),
    'separator',
    reads(CommandIDs.copyId, { id: model }),
    reads(CommandIDs.copyLink, { kind: 'model', subject: model }),
    reads(CommandIDs.copyPython, { kind: 'model', subject: model }),
    'separator',
    writes(CommandIDs.deleteModel, { model })
  ];
}

function versionMenu(model: string, version: number): readonly MenuEntry[] {
  const subject = `${model}:${version}`;
  return [
    reads(CommandIDs.open, { kind: 'model', subject }),
    'separator',
    writes(CommandIDs.deploy, { model, version }),
    writes(CommandIDs.setAlias, { model, version }),
    writes(CommandIDs.createManifest, { models: [subject] }),
    'separator',
    reads(CommandIDs.copyId, { id: subject }),
    reads(CommandIDs.copyLink, { kind: 'model', subject }),
    reads(CommandIDs.copyPython, { kind: 'model', subject }),
    'separator',
    writes(CommandIDs.deleteModel, { model, version })
  ];
}

function serviceMenu(service: string): readonly MenuEntry[] {
  return [
    reads(CommandIDs.open, { kind: 'service', subject: service }),
    'separator',
    writes(CommandIDs.updateService, { service }),
    writes(CommandIDs.addDeployment, { service }),
    writes(CommandIDs.setTraffic, { service }),
    writes(CommandIDs.rollbackService, { service }),
    writes(CommandIDs.scaleService, { service }),
    writes(CommandIDs.configureService, { service }),
    writes(CommandIDs.useHttps, { service }),
    writes(CommandIDs.regenerateKey, { service, which: 'secondary' }),
    'separator',
    reads(CommandIDs.copyId, { id: service }),
    reads(CommandIDs.copyLink, { kind: 'service', subject: service }),
    reads(CommandIDs.copyPython, { kind: 'service', subject: service }),
    'separator',
    writes(CommandIDs.deleteService, { service })
  ];
}

/** What a section as a whole offers; its first entry that is no table is a plus in its head. */
export function sectionEntries(section: SectionId): readonly Entry[] {
  switch (section) {
    case 'experiments':
      return [reads(CommandIDs.open, { kind: 'experiment', subject: '' }), writes(CommandIDs.runFile, {})];
    case 'models':
      return [writes(CommandIDs.registerModel, {})];
    case 'services':
      return [writes(CommandIDs.deploy, {})];
    case 'activities':
      return [];
    case 'hosts':
      return [writes(CommandIDs.addHost, {})];
    case 'snapshots':
      return [writes(CommandIDs.snapshotFolder, {})];
    case 'manifests':
      return [writes(CommandIDs.createManifest, {})];
  }
}

/** No separators at the ends, and no two in a row. */
function tidied(entries: readonly MenuEntry[]): readonly MenuEntry[] {
  const kept = entries.filter((entry, index) => entry !== 'separator' || entries[index - 1] !== 'separator');
  return kept.slice(kept[0] === 'separator' ? 1 : 0, kept.at(-1) === 'separator' ? -1 : undefined);
}
