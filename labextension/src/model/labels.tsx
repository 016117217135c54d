/** Aliases, tags and the description: what people write on a model, edited where it is read. */

import { useId, useMemo, useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { useRefusal, useTrans } from '../api/context';
import type { Model, ModelVersion } from '../api/types';
import { useDraft } from '../common/draft';
import { useOpener } from '../common/opener';
import { Rendered } from '../common/rendered';
import { Button } from '../common/ui/button';
import { Part } from '../common/ui/parts';
import { Failed } from '../common/ui/states';
import { useTell } from './queries';

const USUAL = ['champion', 'challenger', 'staging', 'production'];

/** The aliases of a version: taken away by a click, given (or moved here from another version) by name. */
export function Aliases({
  model,
  version
}: {
  readonly model: Model;
  readonly version: ModelVersion;
}): JSX.Element {
  const trans = useTrans();
  const refused = useRefusal();
  const options = useId();
  const [name, setName] = useState<string | null>(null);
  const [opener, toOpener] = useOpener(name !== null);
  const set = useTell(model.name, (client, alias: string) =>
    client.post('/models/{name}/aliases/{alias}', {
      path: { name: model.name, alias },
      body: { version: version.version }
    })
  );
  const remove = useTell(model.name, (client, alias: string) =>
    client.delete('/models/{name}/aliases/{alias}', { path: { name: model.name, alias } })
  );
  const wanted = name?.trim().replace(/^@/, '') ?? '';
  const held = model.aliases[wanted];
  const promote = (): void => {
    if (wanted) {
      set.mutate(wanted, { onSuccess: () => setName(null) });
    }
  };
  return (
    <div className="jp-Mlops-modelLabels">
      {version.aliases.map(alias => (
        <Chip
          key={alias}
          text={`@${alias}`}
          className="jp-mod-alias"
          removeLabel={trans.__('Take away alias %1', alias)}
          refused={refused}
          onRemove={() => {
            toOpener(); // what was pressed goes away
            remove.mutate(alias);
          }}
        />
      ))}
      {name === null ? (
        <span ref={opener}>
          <Button refused={refused} onClick={() => setName('')}>
            {trans.__('Promote…')}
          </Button>
        </span>
      ) : (
        <Entry onSubmit={promote} onEnd={() => setName(null)}>
          <input
            className="jp-mod-styled"
            list={options}
            value={name}
            placeholder={trans.__('champion')}
            aria-label={trans.__('Alias for version %1', version.version)}
            onChange={event => setName(event.target.value)}
            // eslint-disable-next-line jsx-a11y/no-autofocus -- the button that was pressed is gone
            autoFocus
          />
          <datalist id={options}>
            {[...new Set([...Object.keys(model.aliases), ...USUAL])].map(alias => (
              <option key={alias} value={alias} />
            ))}
          </datalist>
          <Button tone="accept" busy={set.isPending} onClick={promote}>
            {held === undefined || held === version.version ? trans.__('Set') : trans.__('Move here')}
          </Button>
          <Button onClick={() => setName(null)}>{trans.__('Cancel')}</Button>
          {held !== undefined && held !== version.version && (
            <span className="jp-Mlops-quiet" role="status">
              {trans.__('Version %1 has it now.', held)}
            </span>
          )}
        </Entry>
      )}
      {(set.error ?? remove.error) && <Failed error={set.error ?? remove.error} />}
    </div>
  );
}

/** Tags of a model, or of a version of it. */
export function Tags(props: {
  readonly name: string;
  readonly version: number | null;
  readonly tags: Readonly<Record<string, string>>;
}): JSX.Element {
  const { name, version, tags } = props;
  const trans = useTrans();
  const refused = useRefusal();
  const { draft, isBegunHere, write, cancel, saved } = useDraft<readonly [string, string]>(
    `tag of model ${refOf(name, version)}`
  );
  const [opener, toOpener] = useOpener(draft !== undefined);
  const change = useTell(name, (client, changed: Record<string, string | null>) =>
    version === null
      ? client.patch('/models/{name}', { path: { name }, body: { tags: changed } })
      : client.patch('/models/{name}/versions/{version}', {
          path: { name, version },
          body: { tags: changed }
        })
  );
  const add = (): void => {
    if (draft?.[0].trim()) {
      change.mutateAsync({ [draft[0].trim()]: draft[1] }).then(
        () => saved(draft),
        () => undefined // it is said below
      );
    }
  };
  return (
    <div className="jp-Mlops-modelLabels">
      {Object.entries(tags).map(([key, value]) => (
        <Chip
          key={key}
          text={value ? `${key}=${value}` : key}
          removeLabel={trans.__('Remove tag %1', key)}
          refused={refused}
          onRemove={() => {
            toOpener();
            change.mutate({ [key]: null });
          }}
        />
      ))}
      {draft === undefined ? (
        <span ref={opener}>
          <Button refused={refused} onClick={() => write(['', ''])}>
            {trans.__('Add tag…')}
          </Button>
        </span>
      ) : (
        <Entry onSubmit={add} onEnd={cancel}>
          <input
            className="jp-mod-styled"
            value={draft[0]}
            placeholder={trans.__('team')}
            aria-label={trans.__('Key of the tag')}
            onChange={event => write([event.target.value, draft[1]])}
            // eslint-disable-next-line jsx-a11y/no-autofocus -- the button that was pressed is gone
            autoFocus={isBegunHere}
          />
          <input
            className="jp-mod-styled"
            value={draft[1]}
            placeholder={trans.__('risk')}
            aria-label={trans.__('Value of the tag')}
            onChange={event => write([draft[0], event.target.value])}
          />
          <Button tone="accept" busy={change.isPending} onClick={add}>
            {trans.__('Add')}
          </Button>
          <Button onClick={cancel}>{trans.__('Cancel')}</Button>
        </Entry>
      )}
      {change.error && <Failed error={change.error} />}
    </div>
  );
}

/** A description in Markdown, drawn by Lab as that of an untrusted notebook. */
export function Description(props: {
  readonly title: string;
  readonly name: string;
  readonly version: number | null;
  readonly text: string;
  /** What to say where there is none. */
  readonly empty: string;
}): JSX.Element {
  const { title, name, version, text, empty } = props;
  const trans = useTrans();
  const refused = useRefusal();
  const { draft, isBegunHere, write, cancel, saved } = useDraft<string>(
    `description of model ${refOf(name, version)}`
  );
  const [opener] = useOpener(draft !== undefined);
  const data = useMemo(() => ({ 'text/markdown': text }), [text]);
  const save = useTell(name, (client, description: string) =>
    version === null
      ? client.patch('/models/{name}', { path: { name }, body: { description } })
      : client.patch('/models/{name}/versions/{version}', { path: { name, version }, body: { description } })
  );
  const keep = (text: string): void =>
    void save.mutateAsync(text).then(
      () => saved(text),
      () => undefined // it is said below
    );
  const edit = (
    <span ref={opener}>
      <Button refused={refused} onClick={() => write(text)}>
        {text ? trans.__('Edit') : trans.__('Describe')}
      </Button>
    </span>
  );
  return (
    <Part title={title} aside={draft === undefined && edit}>
      {draft !== undefined ? (
        <Entry onSubmit={() => keep(draft)} onEnd={() => draft === text && cancel()} isBlock>
          <textarea
            value={draft}
            rows={8}
            aria-label={trans.__('Description in Markdown')}
            onChange={event => write(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                keep(draft);
              }
            }}
            // eslint-disable-next-line jsx-a11y/no-autofocus -- the button that was pressed is gone
            autoFocus={isBegunHere}
          />
          <div className="jp-Mlops-toolbar">
            <Button tone="accept" busy={save.isPending} onClick={() => keep(draft)}>
              {trans.__('Save')}
            </Button>
            <Button onClick={cancel}>{trans.__('Cancel')}</Button>
            <span className="jp-Mlops-quiet">{trans.__('Markdown. Ctrl+Enter saves.')}</span>
          </div>
          {save.error && <Failed error={save.error} />}
        </Entry>
      ) : text ? (
        <Rendered data={data} className="jp-Mlops-modelDescription" />
      ) : (
        <p className="jp-Mlops-quiet">{empty}</p>
      )}
    </Part>
  );
}

function Entry(props: {
  readonly onSubmit: () => void;
  readonly onEnd: () => void;
  readonly isBlock?: boolean;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    // Escape leaves any of its fields.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <form
      className={props.isBlock ? 'jp-Mlops-modelEntry jp-mod-block' : 'jp-Mlops-modelEntry'}
      onSubmit={event => {
        event.preventDefault();
        props.onSubmit();
      }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onEnd();
        } else if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          event.preventDefault();
          props.onSubmit();
        }
      }}
    >
      {props.children}
    </form>
  );
}

function Chip(props: {
  readonly text: string;
  readonly className?: string;
  readonly removeLabel: string;
  readonly refused: string | null;
  readonly onRemove: () => void;
}): JSX.Element {
  return (
    <span
      className={`jp-Mlops-modelBadge jp-mod-chip ${props.className ?? ''}`}
      title={props.text.slice(0, 500)}
    >
      <bdi>{props.text}</bdi>
      {props.refused === null && (
        <button
          type="button"
          aria-label={props.removeLabel}
          title={props.removeLabel}
          onClick={props.onRemove}
        >
          ×
        </button>
      )}
    </span>
  );
}

function refOf(name: string, version: number | null): string {
  return version === null ? name : `${name}:${version}`;
}
