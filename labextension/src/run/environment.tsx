/** The packages that a run saw, and how they differ from those that are here now, or that another run saw. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Environment, RunDetail } from '../api/types';
import { Button } from '../common/ui/button';
import { Facts } from '../common/ui/parts';
import { Busy, Empty, Failed } from '../common/ui/states';
import { found, packageDiff } from './model';
import { OtherRun } from './other';
import { useHere, useRun } from './queries';

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
        <OtherRun
          run={run}
          label={trans.__('Compare with')}
          none={trans.__('nothing')}
          now={trans.__('what is installed here now')}
          chosen={other}
          onChoose={setOther}
        />
      </div>
      {other === null ? (
        <FromHere mine={environment} name={run.name} search={search} />
      ) : other ? (
        <FromRun mine={environment} name={run.name} other={other} search={search} />
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

interface Side {
  readonly mine: Environment;
  readonly name: string;
  readonly search: string;
}

function FromRun({ other, ...mine }: Side & { readonly other: string }): JSX.Element {
  const trans = useTrans();
  const { data, error } = useRun(other);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Comparing')} />;
  }
  return data.environment ? (
    <Difference {...mine} theirs={data.environment} theirName={data.run.name} />
  ) : (
    <Empty title={trans.__('The packages of the other run are not known.')} />
  );
}

function FromHere(mine: Side): JSX.Element {
  const trans = useTrans();
  const { data, error, isFetching, refetch } = useHere();
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Comparing')} />;
  }
  return (
    <>
      <div className="jp-Mlops-runControls">
        <span className="jp-Mlops-quiet">{trans.__('In the Python that JupyterLab runs in.')}</span>
        <Button busy={isFetching} onClick={() => void refetch()}>
          {trans.__('Look again')}
        </Button>
      </div>
      <Difference {...mine} theirs={data} theirName={trans.__('here now')} />
    </>
  );
}

function Difference(props: Side & { readonly theirs: Environment; readonly theirName: string }): JSX.Element {
  const { mine, name, theirs, theirName, search } = props;
  const trans = useTrans();
  const rows = useMemo(() => packageDiff(allOf(mine), allOf(theirs)), [mine, theirs]);
  const names = new Set(
    found(
      rows.map(row => row.name),
      search
    )
  );
  if (!rows.length) {
    return <Empty title={trans.__('Both have the same packages.')} />;
  }
  return (
    <table className="jp-Mlops-previewTable">
      <thead>
        <tr>
          <th scope="col">{trans._n('%1 package differs', '%1 packages differ', rows.length)}</th>
          <th scope="col">
            <bdi>{name}</bdi>
          </th>
          <th scope="col">
            <bdi>{theirName}</bdi>
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

function allOf({ python, packages }: Environment): Readonly<Record<string, string>> {
  return { Python: python, ...packages };
}
