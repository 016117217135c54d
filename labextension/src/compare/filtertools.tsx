/** Above a table: whether what is the same is shown, too, and which names. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';

export function FilterTools(props: {
  readonly allLabel: string;
  readonly all: boolean;
  readonly onAll: (all: boolean) => void;
  readonly filterLabel: string;
  readonly filter: string;
  readonly onFilter: (filter: string) => void;
}): JSX.Element {
  const { allLabel, all, onAll, filterLabel, filter, onFilter } = props;
  const trans = useTrans();
  return (
    <>
      <label className="jp-Mlops-check">
        <input type="checkbox" checked={all} onChange={event => onAll(event.target.checked)} />
        {allLabel}
      </label>
      <input
        type="search"
        className="jp-Mlops-compareInput"
        placeholder={trans.__('Filter by name')}
        aria-label={filterLabel}
        value={filter}
        onChange={event => onFilter(event.target.value)}
      />
    </>
  );
}
