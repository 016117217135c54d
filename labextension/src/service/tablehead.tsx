/** The head of a table: what its columns are called. */

import type { JSX } from 'react';

export interface Column {
  readonly name: string;
  readonly isNumber?: boolean;
  readonly title?: string;
  /** A column of buttons: its name is for a screen reader alone. */
  readonly isSaid?: boolean;
}

export function TableHead({ columns }: { readonly columns: readonly Column[] }): JSX.Element {
  return (
    <thead>
      <tr>
        {columns.map(({ name, isNumber, title, isSaid }) => (
          <th key={name} scope="col" className={isNumber ? 'jp-mod-number' : undefined} title={title}>
            {isSaid ? <span className="jp-Mlops-said">{name}</span> : name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
