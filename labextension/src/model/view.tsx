/** The view of one model: its versions on the left, on the right the one that is selected, or several side by side. */

import '../../style/model.css';
import '../../style/modelserving.css';

import { useEffect, useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Model, ModelVersion } from '../api/types';
import { CommandIDs } from '../commands';
import { useKept } from '../common/kept';
import { Actions } from '../common/ui/actions';
import type { Action } from '../common/ui/actions';
import { ViewHead } from '../common/ui/parts';
import { Busy, Empty, Failed, Known } from '../common/ui/states';
import { Tabs } from '../common/ui/tabs';
import { Lineage } from '../lineage/panel';
import type { ViewProps } from '../main/views';
import { Comparison } from './comparison';
import { Files } from './files';
import { Aliases, Description, Tags } from './labels';
import { meant, missed } from './model';
import type { Subject } from './model';
import { Overview } from './overview';
import { useNamed } from './queries';
import { Serving } from './serving';
import { Signature } from './signature';
import { Versions } from './versions';

export function View({ subject, setTitle }: ViewProps): JSX.Element {
  const trans = useTrans();
  const { data, error, asked } = useNamed(subject);
  useEffect(() => setTitle(subject), [subject, setTitle]);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the model')} />;
  }
  return (
    <div className="jp-Mlops-model">
      <Known error={error}>
        <Whole model={data} asked={asked} />
      </Known>
    </div>
  );
}

function Whole(props: { readonly model: Model; readonly asked: Subject }): JSX.Element {
  const { model, asked } = props;
  const trans = useTrans();
  const [picked, setPicked] = useState<number | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [isComparing, setIsComparing] = useState(false);
  const version = meant(model, picked === null ? asked : { version: picked, alias: null });
  const gone = picked === null ? missed(model, asked) : null;
  const compared = model.versions.map(one => one.version).filter(number => chosen.has(number));
  const choose = (number: number): void => {
    const next = new Set(chosen);
    if (!next.delete(number)) {
      next.add(number);
    }
    setChosen(next);
  };
  return (
    <>
      <Head
        model={model}
        version={version}
        nChosen={compared.length}
        onCompare={() => setIsComparing(true)}
      />
      {gone !== null && version && (
        <div className="jp-Mlops-notice" role="status">
          {trans.__('There is no %1; this is the newest version.', `${model.name}${gone}`)}
        </div>
      )}
      {version ? (
        <div className="jp-Mlops-modelBody">
          <Versions
            versions={model.versions}
            selected={version.version}
            chosen={chosen}
            onSelect={number => {
              setPicked(number);
              setIsComparing(false);
            }}
            onChoose={choose}
          />
          <div className="jp-Mlops-modelVersionDetail">
            {isComparing && compared.length > 1 ? (
              <Comparison name={model.name} versions={compared} onClose={() => setIsComparing(false)} />
            ) : (
              <Detail key={version.version} model={model} version={version} />
            )}
          </div>
        </div>
      ) : (
        <Empty title={trans.__('This model has no version.')}>
          <code>mlops models register RUN {model.name}</code>
        </Empty>
      )}
    </>
  );
}

function Head(props: {
  readonly model: Model;
  readonly version: ModelVersion | null;
  readonly nChosen: number;
  readonly onCompare: () => void;
}): JSX.Element {
  const { model, version, nChosen, onCompare } = props;
  const session = useSession();
  const trans = useTrans();
  const refused = useRefusal();
  const { name } = model;
  const n = model.versions.length;
  const actions: readonly Action[] = [
    ...(version
      ? [
          {
            id: 'deploy',
            label: trans.__('Deploy version %1…', version.version),
            tone: 'accept' as const,
            refused,
            onClick: () => void session.run(CommandIDs.deploy, { model: name, version: version.version })
          },
          {
            id: 'compare',
            label: nChosen > 1 ? trans.__('Compare %1', nChosen) : trans.__('Compare'),
            refused: nChosen > 1 ? null : trans.__('Tick two versions or more.'),
            onClick: onCompare
          },
          {
            id: 'link',
            label: trans.__('Copy link'),
            onClick: () =>
              void session.run(CommandIDs.copyLink, { kind: 'model', subject: `${name}:${version.version}` })
          },
          {
            id: 'delete-version',
            label: trans.__('Delete version %1…', version.version),
            tone: 'warn' as const,
            refused,
            onClick: () => void session.run(CommandIDs.deleteModel, { model: name, version: version.version })
          }
        ]
      : []),
    {
      id: 'delete',
      label: trans.__('Delete model…'),
      tone: 'warn',
      refused,
      onClick: () => void session.run(CommandIDs.deleteModel, { model: name })
    }
  ];
  return (
    <>
      <ViewHead
        title={name}
        about={trans._n('%1 version', '%1 versions', n)}
        toolbarLabel={trans.__('Model %1', name)}
      >
        <Actions actions={actions} />
      </ViewHead>
      <details className="jp-Mlops-modelAbout" open={Boolean(model.description)}>
        <summary>{trans.__('About the model')}</summary>
        <Description
          title={trans.__('Description of the model')}
          name={name}
          version={null}
          text={model.description}
          empty={trans.__('What it predicts, for whom, and who answers for it.')}
        />
        <Tags name={name} version={null} tags={model.tags} />
      </details>
    </>
  );
}

function Detail({ model, version }: { readonly model: Model; readonly version: ModelVersion }): JSX.Element {
  const trans = useTrans();
  const [tab, setTab] = useKept<string>('model-tab', 'overview');
  const { name } = model;
  const ref = `${name}:${version.version}`;
  const tabs = [
    {
      id: 'overview',
      label: trans.__('Overview'),
      content: () => <Overview model={model} version={version} />
    },
    {
      id: 'signature',
      label: trans.__('Signature'),
      content: () => <Signature name={name} version={version.version} />
    },
    {
      id: 'lineage',
      label: trans.__('Lineage'),
      content: () => (
        <Lineage
          kind="model"
          name={ref}
          onPick={box => {
            // Its manifests and images are told of right here.
            const isOwn = (box.kind === 'manifest' || box.kind === 'image') && box.opens?.subject === ref;
            if (isOwn) {
              setTab('serving');
            }
            return isOwn || box.id === `model:${ref}`;
          }}
        />
      )
    },
    { id: 'serving', label: trans.__('Serving'), content: () => <Serving version={version} /> },
    {
      id: 'files',
      label: trans.__('Files and packages'),
      content: () => <Files name={name} version={version.version} />
    }
  ];
  return (
    <>
      <div className="jp-Mlops-modelVersionHead">
        <h2>{trans.__('Version %1', version.version)}</h2>
        <Aliases model={model} version={version} />
      </div>
      <Tabs label={trans.__('Version %1', version.version)} tabs={tabs} chosen={tab} onChoose={setTab} />
    </>
  );
}
