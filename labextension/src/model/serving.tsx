/** What became of a version: where it is deployed, its manifests and their images, with what can be done to them. */

import type { JSX } from 'react';

import { activityWord, titleOf } from '../activities/model';
import { useRefusal, useSession, useTrans } from '../api/context';
import type { Activity, MadeImage, MadeManifest, ModelVersion, Use } from '../api/types';
import { CommandIDs } from '../commands';
import { capital, moment, size, span } from '../common/format';
import { StatusIcon } from '../common/icons';
import { serviceWord, SERVICE_TONES } from '../common/status';
import { Button } from '../common/ui/button';
import { OpenLink } from '../common/ui/link';
import { Part } from '../common/ui/parts';
import { Busy, Empty, Failed } from '../common/ui/states';
import { lastOf, trialOf } from './model';
import { useActivities, useDelivered } from './queries';

export function Serving({ version }: { readonly version: ModelVersion }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const { data, error } = useDelivered(version.name);
  const activities = useActivities(data !== undefined).data ?? [];
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Looking for manifests and services')} />;
  }
  const uses = data.uses.filter(use => use.model_version === version.version);
  const manifests = data.manifests.filter(one => one.model_version === version.version);
  const ref = `${version.name}:${version.version}`;
  return (
    <>
      <Part
        title={trans.__('Where it is deployed')}
        aside={
          <Button
            refused={refused}
            onClick={() =>
              void session.run(CommandIDs.deploy, { model: version.name, version: version.version })
            }
          >
            {trans.__('Deploy…')}
          </Button>
        }
      >
        {uses.length ? (
          <Uses uses={uses} />
        ) : (
          <p className="jp-Mlops-quiet">{trans.__('No service has it deployed.')}</p>
        )}
      </Part>
      <Part
        title={trans.__('Manifests and images')}
        aside={
          <Button
            refused={refused}
            onClick={() => void session.run(CommandIDs.createManifest, { models: [ref] })}
          >
            {trans.__('Create manifest…')}
          </Button>
        }
      >
        {manifests.length ? (
          manifests.map(one => <Manifest key={one.ref} manifest={one} activities={activities} />)
        ) : (
          <Empty title={trans.__('No manifest serves this version yet.')}>
            {trans.__(
              'A manifest pins its files and packages; an image is built from it. Deploying makes one by itself.'
            )}
          </Empty>
        )}
      </Part>
    </>
  );
}

function Uses({ uses }: { readonly uses: readonly Use[] }): JSX.Element {
  const trans = useTrans();
  return (
    <table className="jp-Mlops-modelTable" aria-label={trans.__('Deployments')}>
      <thead>
        <tr>
          <th scope="col">{trans.__('Service')}</th>
          <th scope="col">{trans.__('State')}</th>
          <th scope="col">{trans.__('Deployment')}</th>
          <th scope="col">{trans.__('Traffic')}</th>
          <th scope="col">{trans.__('Replicas')}</th>
          <th scope="col">{trans.__('Host')}</th>
          <th scope="col">{'URL'}</th>
        </tr>
      </thead>
      <tbody>
        {uses.map(use => (
          <tr key={`${use.service} ${use.deployment}`}>
            <th scope="row">
              <OpenLink kind="service" subject={use.service} name={use.service} />
            </th>
            <td>
              <span className="jp-Mlops-modelState">
                <StatusIcon tone={SERVICE_TONES[use.state]} title="" /> {serviceWord(use.state, trans)}
              </span>
            </td>
            <td>
              <bdi>{use.deployment}</bdi> <span className="jp-Mlops-quiet">{use.manifest}</span>
            </td>
            <td className="jp-mod-number">
              {use.weight}%
              {use.mirror > 0 && (
                <span className="jp-Mlops-quiet"> {trans.__('+ %1% copied', use.mirror)}</span>
              )}
            </td>
            <td className="jp-mod-number">{use.replicas}</td>
            <td>
              <bdi>{use.host}</bdi>
            </td>
            <td>{use.url}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ManifestProps {
  readonly manifest: MadeManifest;
  readonly activities: readonly Activity[];
}

function Manifest({ manifest, activities }: ManifestProps): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const { ref } = manifest;
  const about = [
    `Python ${manifest.python}`,
    trans._n('%1 package', '%1 packages', manifest.n_packages),
    size(manifest.n_bytes),
    manifest.script,
    manifest.has_sample ? '' : trans.__('no sample'),
    manifest.with_models.length ? trans.__('with %1', manifest.with_models.join(', ')) : ''
  ];
  const doing = lastOf(activities, `image ${ref}`);
  return (
    <article className="jp-Mlops-modelCard" aria-label={trans.__('Manifest %1', ref)}>
      <div className="jp-Mlops-modelCardHead">
        <div>
          <strong>
            <bdi>{ref}</bdi>
          </strong>{' '}
          <span className="jp-Mlops-quiet" title={moment(manifest.created_at)}>
            {about.filter(Boolean).join(' · ')}
          </span>
        </div>
        <div className="jp-Mlops-toolbar" role="toolbar" aria-label={trans.__('Manifest %1', ref)}>
          <Button
            refused={refused}
            onClick={() => void session.run(CommandIDs.buildImage, { manifest: ref })}
          >
            {trans.__('Build image…')}
          </Button>
          <Button onClick={() => void session.run(CommandIDs.compareManifests, { manifest: ref })}>
            {trans.__('Compare with…')}
          </Button>
          <Button
            tone="warn"
            refused={refused}
            onClick={() => void session.run(CommandIDs.deleteManifest, { manifest: ref })}
          >
            {trans.__('Delete…')}
          </Button>
        </div>
      </div>
      {doing && <Doing activity={doing} />}
      {manifest.images.map(image => (
        <Image key={image.name} image={image} />
      ))}
      {!manifest.images.length && <p className="jp-Mlops-quiet">{trans.__('No image is built of it.')}</p>}
    </article>
  );
}

function Image({ image }: { readonly image: MadeImage }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const of = { image: image.name };
  const about = [
    image.platform,
    size(image.n_bytes),
    image.build_s ? trans.__('built in %1', span(image.build_s)) : '',
    image.image_id.replace('sha256:', '').slice(0, 12)
  ];
  return (
    <div className="jp-Mlops-modelCardHead jp-mod-image">
      <div>
        <bdi>{image.tag}</bdi>{' '}
        <span className="jp-Mlops-quiet" title={moment(image.created_at)}>
          {about.filter(Boolean).join(' · ')}
        </span>
      </div>
      <div className="jp-Mlops-toolbar" role="toolbar" aria-label={trans.__('Image %1', image.tag)}>
        <Button
          refused={refused}
          title={trans.__('Start it, score the sample, and compare with what the manifest recorded')}
          onClick={() => void session.run(CommandIDs.testImage, of)}
        >
          {trans.__('Test')}
        </Button>
        <Button refused={refused} onClick={() => void session.run(CommandIDs.pushImage, of)}>
          {trans.__('Push…')}
        </Button>
        <Button
          refused={refused}
          title={trans.__('Write it into a file that `docker load` reads')}
          onClick={() => void session.run(CommandIDs.exportImage, of)}
        >
          {trans.__('Export…')}
        </Button>
        <Button tone="warn" refused={refused} onClick={() => void session.run(CommandIDs.deleteImage, of)}>
          {trans.__('Delete…')}
        </Button>
      </div>
    </div>
  );
}

/** What goes on with an image, or how it ended last. */
function Doing({ activity }: { readonly activity: Activity }): JSX.Element | null {
  const trans = useTrans();
  const title = capital(titleOf(activity, trans));
  const trial = trialOf(activity);
  if (activity.state === 'queued' || activity.state === 'running') {
    return (
      <div className="jp-Mlops-modelDoing" role="status">
        <StatusIcon tone="busy" title="" />
        <span>{trans.__('%1: %2', title, activity.message || activityWord(activity, trans))}</span>
        <progress value={activity.progress} max={1} aria-label={title} />
      </div>
    );
  }
  if (activity.error) {
    return (
      <div className="jp-Mlops-modelDoing">
        <StatusIcon tone="bad" title="" />
        <span>
          {title}: <strong>{activity.error.detail}</strong> {activity.error.hint}
        </span>
      </div>
    );
  }
  return trial ? (
    <div className="jp-Mlops-modelDoing">
      <StatusIcon tone={trial.same === false ? 'warn' : 'good'} title="" />
      <span>{trialText(trial, trans)}</span>
    </div>
  ) : null;
}

type Trans = ReturnType<typeof useTrans>;

function trialText(trial: NonNullable<ReturnType<typeof trialOf>>, trans: Trans): string {
  const ready = trans.__('Tested: ready in %1', span(trial.ready_s));
  const answers = trial.median_ms === null ? '' : trans.__('answers in %1 ms', trial.median_ms);
  const same =
    trial.same === null
      ? ''
      : trial.same
        ? trans.__('as the manifest recorded')
        : trans.__('not as the manifest recorded: %1', trial.difference);
  return [ready, answers, same].filter(Boolean).join(', ');
}
