/** What differs between two manifests, in a dialog. */

import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { JSX } from 'react';

import type { FieldChange } from '../api/types';
import { partsOf } from './changes';
import type { Cell } from './changes';

export interface Compared {
  readonly first: string;
  readonly second: string;
  readonly changes: readonly FieldChange[];
}

/** Show it until the dialog is closed. */
export async function showChanges(compared: Compared, trans: TranslationBundle): Promise<void> {
  const dialog = new Dialog({
    title: trans.__('%1 and %2', compared.first, compared.second),
    body: ReactWidget.create(<Changes {...{ compared, trans }} />),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jp-Mlops-dialog');
  dialog.addClass('jp-mod-wide');
  await dialog.launch();
}

export function Changes(props: {
  readonly compared: Compared;
  readonly trans: TranslationBundle;
}): JSX.Element {
  const { compared, trans } = props;
  const { first, second, changes } = compared;
  if (!changes.length) {
    return <p>{trans.__('They are the same.')}</p>;
  }
  return (
    <div
      className="jp-Mlops-changed"
      role="region"
      aria-label={trans.__('What differs')}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a long table is scrolled by keyboard, too
      tabIndex={0}
    >
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">
              <bdi>{first}</bdi>
            </th>
            <th scope="col">
              <bdi>{second}</bdi>
            </th>
          </tr>
        </thead>
        {partsOf(changes, trans).map(({ title, rows }) => (
          <tbody key={title}>
            <tr>
              <th scope="rowgroup" colSpan={3}>
                {title}
              </th>
            </tr>
            {rows.map(({ name, before, after }) => (
              <tr key={name}>
                <th scope="row">
                  <bdi>{name}</bdi>
                </th>
                <Value cell={before} />
                <Value cell={after} />
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Value({ cell }: { readonly cell: Cell | null }): JSX.Element {
  return (
    <td title={cell?.title}>
      {cell === null ? '—' : cell.isLong ? <pre>{cell.text}</pre> : <bdi>{cell.text}</bdi>}
    </td>
  );
}
