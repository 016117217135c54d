/** The buttons that take a table or a chart out of the widget. */

import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import { csv } from '../common/csv';
import type { Field } from '../common/csv';
import { download } from '../common/download';
import { Button } from '../common/ui/button';
import { markdown } from './export';

type Table = () => readonly (readonly Field[])[];

export interface ExportTableProps {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly csv: Table;
  readonly markdown: Table;
}

export function ExportTable(props: ExportTableProps): JSX.Element {
  const trans = useTrans();
  const asMarkdown = (): string => markdown(props.markdown());
  return (
    <span className="jp-Mlops-compareExports" role="group" aria-label={trans.__('Export the table')}>
      <Button
        title={trans.__('Download as CSV, with whole numbers and values')}
        onClick={() => download(`${props.name}.csv`, csv(props.csv()), 'text/csv')}
      >
        {trans.__('CSV')}
      </Button>
      <Button
        title={trans.__('Download as a Markdown table, as it is shown')}
        onClick={() => download(`${props.name}.md`, asMarkdown(), 'text/markdown')}
      >
        {trans.__('Markdown')}
      </Button>
      <Button
        title={trans.__('Copy as a Markdown table, as it is shown')}
        onClick={() => {
          Clipboard.copyToSystem(asMarkdown());
          Notification.success(trans.__('The table is copied as Markdown.'), { autoClose: 3000 });
        }}
      >
        {trans.__('Copy Markdown')}
      </Button>
    </span>
  );
}

/** Hands the picture that `make` draws to the browser's downloads, and says what is wrong if there is none. */
export function ExportPicture(props: {
  readonly name: string;
  readonly make: () => Promise<Blob> | null;
}): JSX.Element {
  const trans = useTrans();
  const save = async (): Promise<void> => {
    const blob = await props.make();
    if (blob) {
      download(`${props.name}.png`, blob);
    }
  };
  return (
    <Button
      title={trans.__('Download the chart with its legend as a picture')}
      onClick={() => {
        save().catch((error: unknown) => Notification.error(asApiError(error).message));
      }}
    >
      {trans.__('PNG')}
    </Button>
  );
}
