/** What is sent in the console: a text that is written, or a file as it is. */

import { useRef } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Service } from '../api/types';
import { size } from '../common/format';
import { Button } from '../common/ui/button';
import { Picture } from './answer';
import { BodyEditor } from './editor';
import { editedAs, mediaOf } from './files';
import { MEDIA } from './trying';
import type { Draft, Media } from './trying';

interface Writing {
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
}

/** Return a draft with a file: its text where a person can edit that, else the file itself. */
async function taken(file: File, draft: Draft): Promise<Draft> {
  const media = editedAs(file);
  return media ? { ...draft, file: null, media, text: await file.text() } : { ...draft, file };
}

export function Choices({ service, draft, onDraft }: Writing & { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <label>
        {trans.__('Deployment')}
        <select
          className="jp-Mlops-select"
          value={draft.deployment}
          onChange={event => onDraft({ ...draft, deployment: event.target.value })}
        >
          <option value="">{trans.__('by traffic')}</option>
          {service.deployments.map(one => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('Format')}
        <select
          className="jp-Mlops-select"
          value={draft.media}
          onChange={event =>
            onDraft({ ...draft, media: event.target.value as Media, text: null, file: null })
          }
        >
          {MEDIA.map(one => (
            <option key={one} value={one}>
              {one === 'text/csv' ? 'CSV' : 'JSON'}
            </option>
          ))}
        </select>
      </label>
      <Button
        title={trans.__('Fill in the sample again')}
        onClick={() => onDraft({ ...draft, text: null, file: null })}
      >
        {trans.__('Sample')}
      </Button>
      <ChooseFile onChoose={file => void taken(file, draft).then(onDraft)} />
    </>
  );
}

function ChooseFile({ onChoose }: { readonly onChoose: (file: File) => void }): JSX.Element {
  const trans = useTrans();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        title={trans.__('Send a file of this computer: JSON, CSV, an Arrow stream, a picture or other bytes')}
        onClick={() => input.current?.click()}
      >
        {trans.__('File…')}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={trans.__('File to send')}
        onChange={event => {
          const [file] = event.target.files ?? [];
          event.target.value = ''; // the same file may be chosen again, when it has changed
          if (file) {
            onChoose(file);
          }
        }}
      />
    </>
  );
}

export function RequestBody(
  props: Writing & {
    readonly text: string;
    readonly sample: string | null;
    readonly onSend: () => void;
  }
): JSX.Element {
  const { draft, text, sample, onDraft, onSend } = props;
  const trans = useTrans();
  return (
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions -- who has no mouse chooses the file by the button
    <div
      onDragOver={event => event.preventDefault()}
      onDropCapture={event => {
        const [file] = event.dataTransfer.files;
        if (file) {
          event.preventDefault();
          event.stopPropagation(); // the editor would write its text where the mouse is
          void taken(file, draft).then(onDraft);
        }
      }}
    >
      {draft.file ? (
        <FileBody file={draft.file} onRemove={() => onDraft({ ...draft, file: null })} />
      ) : (
        <BodyEditor
          label={trans.__('Body of the request')}
          text={text}
          mimeType={draft.media}
          onChange={typed => onDraft({ ...draft, text: typed === sample ? null : typed })}
          onSend={onSend}
        />
      )}
    </div>
  );
}

function FileBody({ file, onRemove }: { readonly file: File; readonly onRemove: () => void }): JSX.Element {
  const trans = useTrans();
  const media = mediaOf(file);
  return (
    <div className="jp-Mlops-tryFile">
      <div className="jp-Mlops-tryFacts">
        <strong>
          <bdi>{file.name}</bdi>
        </strong>
        <span>{size(file.size)}</span>
        <span className="jp-Mlops-quiet">{media}</span>
        <span className="jp-Mlops-fill" />
        <Button onClick={onRemove}>{trans.__('Back to text')}</Button>
      </div>
      {media.startsWith('image/') && <Picture data={file} media={media} />}
    </div>
  );
}
