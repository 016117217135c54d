/** A version on one page: what it is, where it comes from, what its run measured, what people say of it. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Model, ModelContents, ModelVersion } from '../api/types';
import { metric, moment, size } from '../common/format';
import { OpenLink } from '../common/ui/link';
import { Facts, Part } from '../common/ui/parts';
import type { Fact } from '../common/ui/parts';
import { Failed } from '../common/ui/states';
import { Description, Tags } from './labels';
import { ownMetrics } from './model';
import { useContents, useRunOf } from './queries';

export function Overview({
  model,
  version
}: {
  readonly model: Model;
  readonly version: ModelVersion;
}): JSX.Element {
  const trans = useTrans();
  const contents = useContents(model.name, version.version);
  return (
    <div className="jp-Mlops-modelColumns">
      <div>
        <Troubles contents={contents.data} />
        <Part title={trans.__('About')}>
          <Facts facts={useFacts(version, contents.data)} />
        </Part>
        <Description
          title={trans.__('Description')}
          name={model.name}
          version={version.version}
          text={version.description}
          empty={trans.__('What is new in this version, and what it is good for.')}
        />
        <Part title={trans.__('Tags')}>
          <Tags name={model.name} version={version.version} tags={version.tags} />
        </Part>
      </div>
      <div>
        <RunMetrics runId={version.run_id} />
      </div>
    </div>
  );
}

/** What of a version's files could not be read. */
export function Troubles({ contents }: { readonly contents: ModelContents | undefined }): JSX.Element | null {
  return contents?.problems.length ? (
    <div className="jp-Mlops-failure" role="alert">
      {contents.problems.map(problem => (
        <div key={problem.detail}>
          <strong>{problem.detail}</strong>
          {problem.hint && <p>{problem.hint}</p>}
        </div>
      ))}
    </div>
  ) : null;
}

function useFacts(version: ModelVersion, contents: ModelContents | undefined): readonly Fact[] {
  const trans = useTrans();
  const run = useRunOf(version.run_id).data?.run;
  const nBytes = version.n_bytes ?? (contents?.problems.length ? null : contents?.n_bytes);
  const facts: Fact[] = [
    { name: trans.__('Flavor'), value: version.flavor || trans.__('file') },
    { name: trans.__('Library'), value: contents?.library ?? '' },
    { name: trans.__('Python'), value: contents?.python ?? '' },
    { name: trans.__('Size'), value: nBytes === null || nBytes === undefined ? '' : size(nBytes) },
    { name: trans.__('Registered'), value: moment(version.created_at) },
    { name: trans.__('By'), value: version.created_by },
    {
      name: trans.__('Run'),
      value: version.run_id ? (
        <OpenLink kind="run" subject={version.run_id} name={run?.name ?? version.run_id.slice(0, 8)} />
      ) : (
        ''
      )
    },
    { name: trans.__('Experiment'), value: run?.experiment ?? '' },
    {
      name: trans.__('Deployed in'),
      value: version.services.length ? <Services names={version.services} /> : ''
    },
    { name: trans.__('Source'), value: version.source }
  ];
  return facts.filter(fact => fact.value !== '');
}

function Services({ names }: { readonly names: readonly string[] }): JSX.Element {
  return (
    <span className="jp-Mlops-modelLabels">
      {names.map(name => (
        <OpenLink key={name} kind="service" subject={name} name={name} />
      ))}
    </span>
  );
}

const MOST = 200;

function RunMetrics({ runId }: { readonly runId: string | null }): JSX.Element {
  const trans = useTrans();
  const { data, error } = useRunOf(runId);
  if (runId === null) {
    return (
      <Part title={trans.__('Metrics of its run')}>
        <p className="jp-Mlops-quiet">{trans.__('It was registered from files, so no run measured it.')}</p>
      </Part>
    );
  }
  if (!data) {
    return <Part title={trans.__('Metrics of its run')}>{error ? <Failed error={error} /> : null}</Part>;
  }
  const { run } = data;
  const metrics = ownMetrics(run.metrics);
  const params = Object.entries(run.params);
  return (
    <>
      <Part
        title={trans.__('Metrics of its run')}
        aside={<OpenLink kind="run" subject={run.id} name={run.name} />}
      >
        {metrics.length ? (
          <Facts
            facts={metrics
              .slice(0, MOST)
              .map(([name, value]) => ({ name, value: metric(value), title: String(value) }))}
          />
        ) : (
          <p className="jp-Mlops-quiet">{trans.__('It logged no metric.')}</p>
        )}
        {metrics.length > MOST && (
          <p className="jp-Mlops-quiet">
            {trans.__('And %1 more, which the run shows.', metrics.length - MOST)}
          </p>
        )}
      </Part>
      {params.length > 0 && (
        <Part title={trans.__('Parameters of its run')}>
          <Facts
            facts={params
              .slice(0, MOST)
              .map(([name, value]) => ({ name, value, title: value.slice(0, 500) }))}
          />
        </Part>
      )}
    </>
  );
}
