/** Versions side by side: what their runs measured and were given, what they take, need and hold. */

import type { JSX, ReactNode } from 'react';

import { useSession, useTrans } from '../api/context';
import type { VersionComparison } from '../api/types';
import { CommandIDs } from '../commands';
import { metric, moment, size } from '../common/format';
import { useKept } from '../common/kept';
import { Button } from '../common/ui/button';
import { Busy, Failed } from '../common/ui/states';
import { SourceDiff } from './code';
import { byRun, short } from './model';
import { useVersionComparison } from './queries';

export function Comparison(props: {
  readonly name: string;
  readonly versions: readonly number[];
  readonly onClose: () => void;
}): JSX.Element {
  const { name, versions, onClose } = props;
  const session = useSession();
  const trans = useTrans();
  const [isAll, setIsAll] = useKept<boolean>('model-comparison-all', false);
  const { data, error } = useVersionComparison(name, versions);
  const runs = [...byRun(data?.versions ?? []).keys()];
  return (
    <div className="jp-Mlops-modelVersionComparison">
      <div className="jp-Mlops-partHead">
        <h2>{trans.__('Versions %1', versions.join(', '))}</h2>
        <div className="jp-Mlops-toolbar" role="toolbar" aria-label={trans.__('Comparison')}>
          <Button pressed={!isAll} onClick={() => setIsAll(!isAll)}>
            {trans.__('Only what differs')}
          </Button>
          <Button
            refused={runs.length > 1 ? null : trans.__('They do not come from two runs.')}
            title={trans.__('Curves, code and environment of the runs that they come from')}
            onClick={() => void session.run(CommandIDs.compare, { runs })}
          >
            {trans.__('Compare their runs')}
          </Button>
          <Button onClick={onClose}>{trans.__('Close')}</Button>
        </div>
      </div>
      {data ? (
        <>
          <Sides found={data} isAll={isAll} />
          <SourceDiff versions={data.versions} />
        </>
      ) : error ? (
        <Failed error={error} />
      ) : (
        <Busy label={trans.__('Comparing')} />
      )}
    </div>
  );
}

interface SideLine {
  readonly name: string;
  readonly cells: readonly ReactNode[];
  readonly differs: boolean;
  readonly best: number | null;
}

type Part = readonly [title: string, lines: readonly SideLine[]];

function partsOf(found: VersionComparison, trans: ReturnType<typeof useTrans>): readonly Part[] {
  const isSame = (values: readonly unknown[]): boolean => new Set(values).size < 2;
  const plain = (lines: VersionComparison['params']): readonly SideLine[] =>
    lines.map(({ name, values, differs }) => ({ name, cells: values, differs, best: null }));
  const about: readonly SideLine[] = (
    [
      [trans.__('Registered'), found.versions.map(one => moment(one.created_at))],
      [trans.__('By'), found.versions.map(one => one.created_by)],
      [trans.__('Flavor'), found.versions.map(one => one.flavor)],
      [trans.__('Size'), found.sizes.map(n => size(n))]
    ] as const
  ).map(([name, cells]) => ({ name, cells, differs: !isSame(cells), best: null }));
  const metrics = found.metrics.map(({ name, values, best }) => ({
    name,
    cells: values.map(value => (value === null ? null : metric(value))),
    differs: !isSame(values),
    best
  }));
  const files = found.files.map(({ path, n_bytes, digests, differs }) => ({
    name: path,
    cells: n_bytes.map((n, at) =>
      n === null ? null : (
        <span title={digests[at] ?? ''}>
          {size(n)} <code>{short(digests[at] ?? '')}</code>
        </span>
      )
    ),
    differs,
    best: null
  }));
  return [
    [trans.__('About'), about],
    [trans.__('Metrics'), metrics],
    [trans.__('Parameters'), plain(found.params)],
    [trans.__('Signature'), plain(found.signature)],
    [trans.__('Packages'), plain(found.requirements)],
    [trans.__('Files'), files]
  ];
}

function Sides({
  found,
  isAll
}: {
  readonly found: VersionComparison;
  readonly isAll: boolean;
}): JSX.Element {
  const trans = useTrans();
  const parts = partsOf(found, trans);
  return (
    <>
      {found.notes.map(note => (
        <div key={note} className="jp-Mlops-notice">
          {note}
        </div>
      ))}
      <div
        className="jp-Mlops-modelScroll"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables are scrolled by keyboard too
        tabIndex={0}
        role="region"
        aria-label={trans.__('Versions side by side')}
      >
        <table className="jp-Mlops-modelTable jp-mod-sides">
          <thead>
            <tr>
              <th scope="col">{trans.__('Version')}</th>
              {found.versions.map(one => (
                <th key={one.version} scope="col">
                  {one.version} {one.aliases.map(alias => `@${alias}`).join(' ')}
                </th>
              ))}
            </tr>
          </thead>
          {parts.map(([title, lines]) => (
            <SidePart
              key={title}
              title={title}
              lines={lines}
              isAll={isAll}
              nColumns={found.versions.length}
            />
          ))}
        </table>
      </div>
    </>
  );
}

function SidePart(props: {
  readonly title: string;
  readonly lines: readonly SideLine[];
  readonly isAll: boolean;
  readonly nColumns: number;
}): JSX.Element | null {
  const { title, lines, isAll, nColumns } = props;
  const trans = useTrans();
  const shown = isAll ? lines : lines.filter(line => line.differs);
  if (!lines.length) {
    return null;
  }
  return (
    <tbody>
      <tr className="jp-mod-group">
        <th scope="rowgroup" colSpan={nColumns + 1}>
          {title}
          {!shown.length && <span className="jp-Mlops-quiet"> {trans.__('all the same')}</span>}
        </th>
      </tr>
      {shown.map(({ name, cells, differs, best }) => (
        <tr key={name} className={differs ? 'jp-mod-differs' : ''}>
          <th scope="row">
            <bdi>{name}</bdi>
          </th>
          {cells.map((cell, at) => (
            <td key={at} className={at === best ? 'jp-mod-best' : ''}>
              <bdi>{cell ?? '—'}</bdi>
              {at === best && <span className="jp-Mlops-quiet"> {trans.__('best')}</span>}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
