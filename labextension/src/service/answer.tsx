/** What a service answered in the console: JSON pretty, pictures as pictures, anything else as a file. */

import { Clipboard } from '@jupyterlab/apputils';
import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useAddress } from '../common/address';
import { size } from '../common/format';
import { Button } from '../common/ui/button';
import { Failed } from '../common/ui/states';
import { download } from '../common/download';
import { LinkButton } from '../common/ui/link';
import { Code } from './code';
import { latencyText } from './figures';
import { picturesIn } from './files';
import { Named } from './named';
import type { Scored } from './scoring';
import { prettyText } from './trying';

/** An answer longer than this is for a program. */
const MOST_SHOWN = 200_000;

interface Props {
  readonly answer: Scored | null;
  readonly error: unknown;
  /** Look for a request in the log. */
  readonly onFind: (requestId: string) => void;
}

export function Answer({ answer, error, onFind }: Props): JSX.Element {
  const trans = useTrans();
  return (
    <section className="jp-Mlops-tryAnswer" aria-label={trans.__('Answer')} aria-live="polite">
      {error !== null && error !== undefined ? (
        <Failed error={error} />
      ) : answer ? (
        <>
          <Facts answer={answer} onFind={onFind} />
          {answer.problem ? (
            <div className="jp-Mlops-failure" role="alert">
              <strong>{answer.problem.detail}</strong>
              {answer.problem.hint && <p>{answer.problem.hint}</p>}
              <p>
                <code>{answer.problem.code}</code>
              </p>
            </div>
          ) : (
            <Body answer={answer} />
          )}
        </>
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('Its answer will be here.')}</p>
      )}
    </section>
  );
}

function Facts({ answer, onFind }: Omit<Props, 'error'> & { readonly answer: Scored }): JSX.Element {
  const trans = useTrans();
  const { text } = answer;
  return (
    <div className="jp-Mlops-tryFacts">
      <strong className={`jp-Mlops-status ${answer.status < 400 ? 'jp-mod-good' : 'jp-mod-bad'}`}>
        {answer.status}
      </strong>
      <span title={trans.__('As the Jupyter server saw it')}>{latencyText(answer.tookS)}</span>
      <span title={answer.media}>{size(answer.data.size)}</span>
      {answer.deployment && <span>{trans.__('by %1', answer.deployment)}</span>}
      {answer.requestId && (
        <LinkButton
          title={trans.__('Show request %1 in the log', answer.requestId)}
          onClick={() => onFind(answer.requestId)}
        >
          {trans.__('In the log')}
        </LinkButton>
      )}
      <span className="jp-Mlops-fill" />
      {text !== null && (
        <Button onClick={() => Clipboard.copyToSystem(text)}>
          <Named short={trans.__('Copy')} whole={trans.__('Copy answer')} />
        </Button>
      )}
      <Button onClick={() => download(`answer.${endingOf(answer.media)}`, answer.data)}>
        <Named short={trans.__('Save')} whole={trans.__('Save answer')} />
      </Button>
    </div>
  );
}

/** What the name of a file of a media type ends with. */
function endingOf(media: string): string {
  const known: Readonly<Record<string, string>> = {
    'application/vnd.apache.arrow.stream': 'arrows',
    'image/jpeg': 'jpg',
    'image/svg+xml': 'svg',
    'text/plain': 'txt'
  };
  const own = /[/+](json|csv|png|gif|webp|html)$/.exec(media)?.[1];
  return known[media] ?? own ?? 'bin';
}

function Body({ answer }: { readonly answer: Scored }): JSX.Element {
  const trans = useTrans();
  const { text, media, data } = answer;
  const pictures = useMemo(() => picturesIn(text ?? ''), [text]);
  const shown = useMemo(() => prettyText(text ?? ''), [text]);
  if (text === null) {
    return media.startsWith('image/') ? (
      <Picture data={data} media={media} />
    ) : (
      <p className="jp-Mlops-quiet">{trans.__('%1 of %2, which a program reads.', size(data.size), media)}</p>
    );
  }
  return (
    <>
      {pictures.length > 0 && (
        <div className="jp-Mlops-tryPictures">
          {pictures.map(({ path, url }) => (
            <figure key={path}>
              <img src={url} alt={trans.__('Picture at %1', path)} />
              <figcaption>
                <code>{path}</code>
              </figcaption>
            </figure>
          ))}
        </div>
      )}
      <Code label={trans.__('Body of the answer')} text={shown.slice(0, MOST_SHOWN)} />
      {shown.length > MOST_SHOWN && (
        <p className="jp-Mlops-quiet">{trans.__('This is its beginning; all of it is in the file.')}</p>
      )}
    </>
  );
}

export function Picture({ data, media }: { readonly data: Blob; readonly media: string }): JSX.Element {
  const trans = useTrans();
  // As an image even a drawing with a script in it is only a picture.
  const address = useAddress(data, media);
  return (
    <div className="jp-Mlops-tryPictures">
      {address && <img src={address} alt={trans.__('The picture')} />}
    </div>
  );
}
