/** The log of a service: what its replicas wrote, those that are gone too, followed and searched. */

import { Fragment, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Service } from '../api/types';
import { moment } from '../common/format';
import { Button } from '../common/ui/button';
import { Failed, Stale } from '../common/ui/states';
import { chosen, TAIL } from './loglines';
import type { Level, LogLine } from './loglines';
import { useFigures, useLogs } from './queries';

interface Props {
  readonly service: Service;
  readonly replica: string;
  readonly onReplica: (id: string) => void;
  readonly search: string;
  readonly onSearch: (search: string) => void;
}

/** So near to the end that who reads is taken to read the end. */
const NEAR_PX = 40;

export function Logs({ service, replica, onReplica, search, onSearch }: Props): JSX.Element {
  const trans = useTrans();
  const [deployment, setDeployment] = useState('');
  const [level, setLevel] = useState<Level>('info');
  const [follow, setFollow] = useState(true);
  const logs = useLogs(service.name, { deployment, replica, follow });
  const lines = useMemo(() => chosen(logs.data ?? [], level, search), [logs.data, level, search]);
  const running = useFigures(service.name).data?.at(-1)?.replicas ?? [];
  const ids = [...new Set([...running.map(one => one.id), ...(replica ? [replica] : [])])];
  return (
    <div className="jp-Mlops-logs">
      <div className="jp-Mlops-tryBar" role="group" aria-label={trans.__('Which lines')}>
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Search: words, a status, an id …')}
          aria-label={trans.__('Search the log')}
          value={search}
          onChange={event => onSearch(event.target.value)}
        />
        <Choice
          label={trans.__('Level')}
          value={level}
          options={[
            ['info', trans.__('all')],
            ['warning', trans.__('warnings and errors')],
            ['error', trans.__('errors')]
          ]}
          onChange={value => setLevel(value as Level)}
        />
        <Choice
          label={trans.__('Deployment')}
          value={deployment}
          options={[['', trans.__('all')], ...service.deployments.map(one => [one.name, one.name] as const)]}
          onChange={setDeployment}
        />
        <Choice
          label={trans.__('Replica')}
          value={replica}
          options={[['', trans.__('all')], ...ids.map(id => [id, id.slice(0, 8)] as const)]}
          onChange={onReplica}
        />
        <Button
          pressed={follow}
          title={trans.__('Show lines as they are written')}
          onClick={() => setFollow(!follow)}
        >
          {trans.__('Follow')}
        </Button>
        <span className="jp-Mlops-quiet" role="status">
          {trans._n('%1 line', '%1 lines', lines.length)}
        </span>
      </div>
      {logs.error && !logs.data ? (
        <Failed error={logs.error} />
      ) : (
        <>
          <Stale error={logs.error} />
          <Lines lines={lines} follow={follow} isLoading={!logs.data} />
        </>
      )}
    </div>
  );
}

function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}): JSX.Element {
  return (
    <label>
      {props.label}
      <select
        className="jp-Mlops-select"
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Lines(props: {
  readonly lines: readonly LogLine[];
  readonly follow: boolean;
  readonly isLoading: boolean;
}): JSX.Element {
  const { lines, follow, isLoading } = props;
  const trans = useTrans();
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && follow && atEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines, follow]);
  return (
    <div
      ref={box}
      className="jp-Mlops-logBox"
      role="log"
      aria-live="off"
      aria-label={trans.__('Log')}
      // Scrolled by keyboard too.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- nothing in it takes the focus
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      }}
    >
      {lines.map((line, i) => (
        // Lines only come at the end: a place stays what it is until the oldest are let go.
        <Fragment key={i}>
          {line.isAfterGap && (
            <div className="jp-Mlops-logGap" role="note">
              {trans.__('Lines are missing here: more than %1 were written at once.', TAIL.toLocaleString())}
            </div>
          )}
          <div className={`jp-Mlops-logLine jp-mod-${line.level}`}>
            <time title={line.at ? moment(line.at) : ''}>{line.at ? clock(line.at) : ''}</time>
            <span className="jp-Mlops-logOf" title={`${line.deployment} ${line.replica}`}>
              {line.deployment} {line.replica.slice(0, 4)}
            </span>
            <span className="jp-Mlops-logText">{line.text}</span>
          </div>
        </Fragment>
      ))}
      {!lines.length && (
        <p className="jp-Mlops-quiet">
          {isLoading ? trans.__('Loading the log…') : trans.__('No line was written that fits.')}
        </p>
      )}
    </div>
  );
}

/** `19:04:05.123` in the reader's time zone. */
function clock(at: number): string {
  const date = new Date(at * 1000);
  const two = (n: number, width = 2): string => String(n).padStart(width, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
}
