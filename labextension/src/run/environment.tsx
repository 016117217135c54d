/** The packages that a run saw, and how they differ from those of another one. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { RunDetail } from '../api/types';
import { Empty, Failed } from '../common/ui/states';
import { Facts } from '../common/ui/parts';
import { found, packageDiff } from './model';
import { OtherRun } from './other';
import { useRun } from './queries';

export function EnvironmentTab({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const [other, setOther] = useState<string | null>('');
  const [search, setSearch] = useState('');
  const { environment, run } = detail;
  if (!environment) {
    return (
      <Empty title={trans.__('Its packages are not known')}>
        {trans.__('It was not run by jupyter-mlops, or has only just begun.')}
      </Empty>
    );
  }
  const packages = environment.packages;
  const names = found(Object.keys(packages).sort(), search);
  return (
    <div className="jp-Mlops-runEnvironment">
      <Facts
        facts={[
          { name: trans.__('Python'), value: environment.python },
          { name: trans.__('Platform'), value: environment.platform || trans.__('unknown') },
          { name: trans.__('Packages'), value: Object.keys(packages).length.toLocaleString() }
        ]}
      />
      <div className="jp-Mlops-runControls">
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Find packages')}
          aria-label={trans.__('Find packages')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
        <OtherRun run={run} label={trans.__('Compare with')} now={null} chosen={other} onChoose={setOther} />
      </div>
      {other ? (
        <Difference
          mine={packages}
          name={run.name}
          python={environment.python}
          other={other}
          search={search}
        />
      ) : (
        <ul className="jp-Mlops-packages">
          {names.map(name => (
            <li key={name}>
              <bdi>{name}</bdi>
              <span>{packages[name]}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Difference(props: {
  readonly mine: Readonly<Record<string, string>>;
  readonly name: string;
  readonly python: string;
  readonly other: string;
  readonly search: string;
}): JSX.Element {
  const { mine, name, python, other, search } = props;
  const trans = useTrans();
  const { data, error } = useRun(other);
  const theirs = data?.environment;
  const rows = useMemo(
    () =>
      theirs ? packageDiff({ Python: python, ...mine }, { Python: theirs.python, ...theirs.packages }) : [],
    [mine, python, theirs]
  );
  const names = new Set(
    found(
      rows.map(row => row.name),
      search
    )
  );
  if (error) {
    return <Failed error={error} />;
  }
  if (data && !theirs) {
    return <Empty title={trans.__('The packages of the other run are not known.')} />;
  }
  if (data && !rows.length) {
    return <Empty title={trans.__('Both saw the same packages.')} />;
  }
  return (
    <table className="jp-Mlops-previewTable">
      <thead>
        <tr>
          <th scope="col">{trans.__('Package')}</th>
          <th scope="col">
            <bdi>{name}</bdi>
          </th>
          <th scope="col">
            <bdi>{data?.run.name}</bdi>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows
          .filter(row => names.has(row.name))
          .map(row => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td>{row.mine || trans.__('not there')}</td>
              <td>{row.other || trans.__('not there')}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}
