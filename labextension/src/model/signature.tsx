/** What a version takes and gives: its signature, and a sample of a request. */

import type { JSX } from 'react';

import { Clipboard } from '@jupyterlab/apputils';

import { useTrans } from '../api/context';
import { useKept } from '../common/kept';
import { Button } from '../common/ui/button';
import { Part } from '../common/ui/parts';
import { Busy, Empty, Failed } from '../common/ui/states';
import { slotsOf, tableOf } from './model';
import type { Slot, Table } from './model';
import { Troubles } from './overview';
import { useContents } from './queries';

export function Signature({
  name,
  version
}: {
  readonly name: string;
  readonly version: number;
}): JSX.Element {
  const trans = useTrans();
  const { data, error } = useContents(name, version);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Reading the signature')} />;
  }
  const { schema, sample } = data;
  return (
    <>
      <Troubles contents={data} />
      {schema ? (
        <div className="jp-Mlops-modelColumns">
          <Slots title={trans.__('Inputs')} slots={slotsOf(schema, 'inputs')} />
          <Slots title={trans.__('Outputs')} slots={slotsOf(schema, 'outputs')} />
          {schema.params.length > 0 && (
            <Slots
              title={trans.__('Parameters of a request')}
              slots={schema.params.map(one => ({
                name: one.name,
                type: one.type,
                shape:
                  one.default === null || one.default === undefined ? '' : `= ${JSON.stringify(one.default)}`,
                isRequired: true
              }))}
            />
          )}
        </div>
      ) : (
        !data.problems.length && (
          <Empty title={trans.__('The model says nothing of its inputs and outputs.')}>
            {trans.__('Log it with an example, and it does:')}{' '}
            <code>log_model(model, input_example=rows[:2])</code>
          </Empty>
        )
      )}
      {sample !== null && sample !== undefined && <Sample sample={sample} />}
    </>
  );
}

function Slots({ title, slots }: { readonly title: string; readonly slots: readonly Slot[] }): JSX.Element {
  const trans = useTrans();
  const isNamed = slots.some(slot => slot.name);
  const hasShape = slots.some(slot => slot.shape);
  return (
    <Part title={title}>
      {slots.length ? (
        <table className="jp-Mlops-modelTable" aria-label={title}>
          <thead>
            <tr>
              {isNamed && <th scope="col">{trans.__('Name')}</th>}
              <th scope="col">{trans.__('Type')}</th>
              {hasShape && <th scope="col">{trans.__('Shape')}</th>}
            </tr>
          </thead>
          <tbody>
            {slots.map((slot, at) => (
              <tr key={at}>
                {isNamed && (
                  <th scope="row">
                    <bdi>{slot.name}</bdi>
                    {!slot.isRequired && (
                      <span className="jp-Mlops-quiet"> {trans.__('may be left out')}</span>
                    )}
                  </th>
                )}
                <td>{slot.type}</td>
                {hasShape && <td>{slot.shape}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('Not said.')}</p>
      )}
    </Part>
  );
}

function Sample({ sample }: { readonly sample: unknown }): JSX.Element {
  const trans = useTrans();
  const [form, setForm] = useKept<string>('model-sample', 'table');
  const table = tableOf(sample);
  const json = JSON.stringify(sample, null, 2);
  const isTable = table !== null && form === 'table';
  return (
    <Part
      title={trans.__('Sample')}
      aside={
        <span className="jp-Mlops-toolbar">
          {table && (
            <>
              <Button pressed={isTable} onClick={() => setForm('table')}>
                {trans.__('Table')}
              </Button>
              <Button pressed={!isTable} onClick={() => setForm('json')}>
                {trans.__('JSON')}
              </Button>
            </>
          )}
          <Button
            title={trans.__('Copy it as the body of a request')}
            onClick={() => Clipboard.copyToSystem(json)}
          >
            {trans.__('Copy')}
          </Button>
        </span>
      }
    >
      {isTable ? (
        <SampleTable table={table} />
      ) : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long text is scrolled by keyboard too
        <pre className="jp-Mlops-modelCode" tabIndex={0} aria-label={trans.__('Sample as JSON')}>
          {json}
        </pre>
      )}
    </Part>
  );
}

function SampleTable({ table }: { readonly table: Table }): JSX.Element {
  const trans = useTrans();
  return (
    <div
      className="jp-Mlops-modelScroll"
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- wide tables are scrolled by keyboard too
      tabIndex={0}
      role="region"
      aria-label={trans.__('Sample as a table')}
    >
      <table className="jp-Mlops-modelTable">
        <thead>
          <tr>
            {table.columns.map((column, at) => (
              <th key={at} scope="col">
                <bdi>{column}</bdi>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column} className={typeof cell === 'number' ? 'jp-mod-number' : ''}>
                  <bdi>{typeof cell === 'string' ? cell : JSON.stringify(cell)}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
