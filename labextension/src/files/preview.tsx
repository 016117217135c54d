/** A file, shown in place with Lab's own renderers. Whoever wrote it is not trusted. */

import { useEffect, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useSession, useTrans } from '../api/context';
import { useAddress } from '../common/address';
import { size } from '../common/format';
import { Rendered } from '../common/rendered';
import { Button } from '../common/ui/button';
import { Busy, Empty, Failed, Problem } from '../common/ui/states';
import { chartType, imageType, kindOf, languageOf, mostBytes, readSeparated, readTable } from './kinds';
import type { FileKind, Table } from './kinds';
import { Notebook, readNotebook } from './notebook';
import { openReadOnly } from './open';

export interface FileSource {
  /** In the read-only drive. */
  readonly drivePath: string;
  /** Where it is downloaded. */
  readonly url: string;
  readonly blob: Blob | undefined;
  readonly error: unknown;
}

export function Preview(props: {
  readonly path: string;
  readonly nBytes: number;
  readonly source: FileSource;
}): JSX.Element {
  const { path, nBytes, source } = props;
  const trans = useTrans();
  const { lab } = useSession();
  const kind = kindOf(path);
  return (
    <section className="jp-Mlops-preview" aria-label={path}>
      <div className="jp-Mlops-previewHead">
        <bdi title={path}>{path}</bdi>
        <span className="jp-Mlops-previewSize">{size(nBytes)}</span>
        {lab.documents && (
          <Button
            onClick={() => openReadOnly(lab, source.drivePath)}
            title={trans.__('Open it read-only in a tab')}
          >
            {trans.__('Open')}
          </Button>
        )}
        <a className="jp-Mlops-button" href={source.url} download={path.slice(path.lastIndexOf('/') + 1)}>
          {trans.__('Download')}
        </a>
      </div>
      <div className="jp-Mlops-previewBody">
        {!isShown(kind, nBytes) ? (
          <Empty
            title={
              kind === 'other'
                ? trans.__('This kind of file is not shown here.')
                : trans.__('It is too large to be shown here.')
            }
          />
        ) : source.error ? (
          <Failed error={source.error} />
        ) : source.blob ? (
          <Content key={path} {...{ path, kind, blob: source.blob }} />
        ) : (
          <Busy label={trans.__('Loading %1', path)} />
        )}
      </div>
    </section>
  );
}

export function isShown(kind: FileKind, nBytes: number): boolean {
  return kind !== 'other' && nBytes <= mostBytes(kind);
}

interface ContentProps {
  readonly path: string;
  readonly kind: FileKind;
  readonly blob: Blob;
}

function Content({ path, kind, blob }: ContentProps): JSX.Element {
  const trans = useTrans();
  const text = useText(blob, kind !== 'image' && kind !== 'pdf');
  if (kind === 'image') {
    return <Picture path={path} blob={blob} />;
  }
  if (kind === 'pdf') {
    return <Pdf path={path} blob={blob} />;
  }
  if (text === null) {
    return <Busy label={trans.__('Reading %1', path)} />;
  }
  return kind === 'html' ? (
    <Html path={path} text={text} />
  ) : kind === 'notebook' ? (
    <NotebookText text={text} />
  ) : kind === 'json' ? (
    <Json path={path} text={text} />
  ) : kind === 'table' ? (
    <TableView table={readSeparated(text, path.toLowerCase().endsWith('.tsv') ? '\t' : ',')} />
  ) : kind === 'markdown' ? (
    <Mime type="text/markdown" content={text} />
  ) : kind === 'latex' ? (
    <Mime type="text/latex" content={text} />
  ) : (
    <CodeText text={text} language={languageOf(path)} />
  );
}

function useText(blob: Blob, isText: boolean): string | null {
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    let isHere = true;
    if (isText) {
      void blob.text().then(found => isHere && setText(found));
    }
    return () => {
      isHere = false;
    };
  }, [blob, isText]);
  return text;
}

function Picture({ path, blob }: { readonly path: string; readonly blob: Blob }): JSX.Element {
  // As an image even a drawing with a script in it is only a picture.
  const address = useAddress(blob, imageType(path));
  return <div className="jp-Mlops-previewPicture">{address && <img src={address} alt={path} />}</div>;
}

function Pdf({ path, blob }: { readonly path: string; readonly blob: Blob }): JSX.Element {
  const address = useAddress(blob, 'application/pdf');
  return address ? <iframe className="jp-Mlops-previewFrame" title={path} src={address} /> : <></>;
}

/** A report. Its scripts run, in a frame of no origin: they reach neither this page nor the server's API. */
function Html({ path, text }: { readonly path: string; readonly text: string }): JSX.Element {
  return <iframe className="jp-Mlops-previewFrame" title={path} sandbox="allow-scripts" srcDoc={text} />;
}

function Mime({ type, content }: { readonly type: string; readonly content: unknown }): JSX.Element {
  const data = useMemo(() => ({ [type]: content as string }), [type, content]);
  return (
    <Rendered
      data={data}
      otherwise={typeof content === 'string' ? content : JSON.stringify(content, null, 2)}
    />
  );
}

function NotebookText({ text }: { readonly text: string }): JSX.Element {
  const trans = useTrans();
  const cells = useMemo(() => readNotebook(text), [text]);
  return cells ? (
    <Notebook cells={cells} />
  ) : (
    <Problem message={trans.__('This is no notebook that can be read.')} />
  );
}

function Json({ path, text }: { readonly path: string; readonly text: string }): JSX.Element {
  const { rendermime } = useSession().lab;
  const data = useMemo((): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined; // NaN, several documents: shown as the text that it is
    }
  }, [text]);
  const table = readTable(data);
  const chart = chartType(path, data);
  if (table) {
    return <TableView table={table} />;
  }
  if (data === undefined || data === null) {
    return <CodeText text={text} language="" />;
  }
  return chart && rendermime?.mimeTypes.includes(chart) ? (
    <Mime type={chart} content={data} />
  ) : (
    <CodeText text={JSON.stringify(data, null, 2)} language="json" />
  );
}

export function TableView({ table }: { readonly table: Table }): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <table className="jp-Mlops-previewTable">
        <thead>
          <tr>
            {table.columns.map((name, i) => (
              <th key={i} scope="col">
                <bdi>{name}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j}>
                  <bdi>{cell}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {table.nRows > table.rows.length && (
        <p className="jp-Mlops-quiet">
          {trans.__('The first %1 of %2 rows.', table.rows.length, table.nRows)}
        </p>
      )}
    </>
  );
}

/** Text in the colours of its language, as Lab's Markdown draws code. */
export function CodeText({
  text,
  language
}: {
  readonly text: string;
  readonly language: string;
}): JSX.Element {
  const data = useMemo(() => {
    const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(ticks => ticks.length));
    const fence = '`'.repeat(longest + 1);
    return { 'text/markdown': `${fence}${language}\n${text}\n${fence}` };
  }, [text, language]);
  // Lab colours what is not very long in a moment; the rest is text.
  return language && text.length < 200_000 ? (
    <Rendered data={data} className="jp-Mlops-code" otherwise={text} />
  ) : (
    <pre className="jp-Mlops-code">{text}</pre>
  );
}
