/** The sidebar for specs, with what it asked its surroundings for. */

import type { QueryClient } from '@tanstack/react-query';

import { CommandIDs } from '../commands';
import type { Chosen } from '../runs/model';
import { Sidebar } from '../sidebar/panel';
import type { Folds } from '../tree/model';
import { activity, experiment, model, run, service } from './records';
import { HandServer } from './server';
import { show as draw } from './session';

export interface Shown {
  readonly server: HandServer;
  readonly queries: QueryClient;
  readonly copied: string[];
  readonly kept: Folds[];
  readonly chosen: (readonly [string, Chosen])[];
  readonly ran: (readonly [string, unknown])[];
}

export function show(prepare: (server: HandServer) => void = () => undefined, folds: Folds = {}): Shown {
  const server = new HandServer();
  prepare(server);
  const copied: string[] = [];
  const kept: Folds[] = [];
  const chosen: [string, Chosen][] = [];
  const { session, ran } = draw(
    <Sidebar
      folds={folds}
      keepFolds={next => kept.push(next)}
      chosen={{}}
      keepChosen={(workspace, next) => chosen.push([workspace, next])}
      copy={text => copied.push(text)}
    />,
    server
  );
  for (const id of Object.values(CommandIDs)) {
    session.lab.commands.addCommand(id, { label: id, execute: () => undefined });
  }
  return { server, queries: session.queries, copied, kept, chosen, ran };
}

export function full(server: HandServer): void {
  server.experiments = [experiment({ n_runs: 1 })];
  server.runs = [run({ metrics: { acc: 0.97 } })];
  server.models = [model()];
  server.services = [service()];
  server.activities = [activity()];
}
