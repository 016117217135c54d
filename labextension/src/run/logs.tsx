/** What a run writes: by part, however much it is, followed while it is written, and searched on the server. */

import { useEffect, useState } from 'react';
import type { JSX } from 'react';

import { usePushed } from '../api/pushed';
import { useLive, useSession, useTrans, useVisible } from '../api/context';
import type { LogPart, Run } from '../api/types';
import { size } from '../common/format';
import { useSettled } from '../common/settled';
import { Button } from '../common/ui/button';
import { Busy, Empty, Failed } from '../common/ui/states';
import { begun, isAfter, isAtEnd, lineAt, withEarlier, withLater } from './logmodel';
import type { Loaded } from './logmodel';
import { LogText } from './logtext';
import { isLive } from './model';

type Stream = 'stdout' | 'stderr';
const PART = 200_000;
const MORE = 1_000_000;
const END = 16_384;
/** How long until a server that failed is asked again. */
const AGAIN_MS = 5000;

export function Logs({ run }: { readonly run: Run }): JSX.Element {
  const trans = useTrans();
  const [stream, setStream] = useState<Stream>('stdout');
  const [search, setSearch] = useState('');
  return (
    <div className="jp-Mlops-runLog">
      <div className="jp-Mlops-runControls" role="group" aria-label={trans.__('Which output')}>
        {(['stdout', 'stderr'] as const).map(one => (
          <Button key={one} pressed={one === stream} onClick={() => setStream(one)}>
            {one}
          </Button>
        ))}
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Find in the whole log')}
          aria-label={trans.__('Find in the log')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      <StreamLog key={`${run.id} ${stream}`} run={run} stream={stream} search={useSettled(search)} />
    </div>
  );
}

function StreamLog(props: {
  readonly run: Run;
  readonly stream: Stream;
  readonly search: string;
}): JSX.Element {
  const { run, stream, search } = props;
  const trans = useTrans();
  const [follow, setFollow] = useState(true);
  // What was searched last and left for the log itself: for a line that was found, or for the end.
  const [mark, setMark] = useState<{ readonly at: number | null; readonly search: string } | null>(null);
  const log = useLog(run, stream, follow);
  const isFinding = search !== '' && mark?.search !== search;
  if (isFinding) {
    const jump = (at: number): void => {
      setFollow(false);
      setMark({ at, search });
      void log.jump(at);
    };
    return <Hits {...{ run, stream, search }} onChoose={jump} />;
  }
  const { loaded, error } = log;
  if (!loaded) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the log')} />;
  }
  if (!loaded.nBytes) {
    return (
      <Empty title={trans.__('Nothing was written to %1', stream)}>
        {isLive(run) ? trans.__('What the run prints shows here as it comes.') : ''}
      </Empty>
    );
  }
  return (
    <>
      {error !== null && <Failed error={error} />}
      <div className="jp-Mlops-runLogBar">
        <span className="jp-Mlops-quiet">{size(loaded.nBytes)}</span>
        {loaded.start > 0 && (
          <Button onClick={() => void log.earlier()}>
            {trans.__('Earlier: %1 more', size(loaded.start))}
          </Button>
        )}
        {!isAtEnd(loaded) && <Button onClick={() => void log.later()}>{trans.__('Later')}</Button>}
        {mark && search !== '' && (
          <Button onClick={() => setMark(null)}>{trans.__('Back to what was found')}</Button>
        )}
        <Button
          pressed={follow}
          onClick={() => {
            setFollow(!follow);
            setMark({ at: null, search });
            if (!follow) {
              void log.end();
            }
          }}
        >
          {isLive(run) ? trans.__('Follow') : trans.__('End')}
        </Button>
      </div>
      <LogText
        loaded={loaded}
        mime={`application/vnd.jupyter.${stream}`}
        follow={follow}
        onLeaveEnd={() => setFollow(false)}
        mark={typeof mark?.at === 'number' ? lineAt(loaded, mark.at) : null}
      />
    </>
  );
}

interface LogState {
  readonly loaded: Loaded | null;
  readonly error: unknown;
  readonly earlier: () => Promise<void>;
  readonly later: () => Promise<void>;
  readonly end: () => Promise<void>;
  readonly jump: (at: number) => Promise<void>;
}

function useLog(run: Run, stream: Stream, follow: boolean): LogState {
  const { client } = useSession();
  const visible = useVisible();
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [error, setError] = useState<unknown>(null);
  const ask = async (
    query: { readonly offset: number; readonly limit: number },
    add: (before: Loaded | null, part: Parameters<typeof begun>[0]) => Loaded
  ): Promise<void> => {
    try {
      const part = await client.get('/runs/{ref}/logs/{stream}', { path: { ref: run.id, stream }, query });
      setLoaded(before => add(before, part));
      setError(null);
    } catch (failed) {
      setError(failed);
    }
  };
  const newest = { offset: -PART, limit: 2 * PART };
  const isGoing = isLive(run) && visible && follow;
  const next = loaded?.next ?? null;
  const end = useEnd(run, stream, isGoing && next !== null);
  useEffect(() => {
    if (next !== null || !visible) {
      return;
    }
    const timer = setTimeout(() => void ask(newest, (_, part) => begun(part)), error === null ? 0 : AGAIN_MS);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- asked until there is something; `end` asks again
  }, [next === null, error, visible]);
  useEffect(() => {
    if (loaded && end && isGoing && isAfter(end, loaded)) {
      if (end.start <= loaded.next) {
        // eslint-disable-next-line react-hooks/set-state-in-effect -- it is set when the server has told of more
        setLoaded(withLater(loaded, end));
      } else {
        void ask({ offset: loaded.next, limit: MORE }, (before, part) =>
          before ? withLater(before, part) : begun(part)
        );
      }
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each part that was told
  }, [end]);
  useEffect(() => {
    if (next === null || !follow || !visible || isGoing) {
      return;
    }
    const timer = setTimeout(() => {
      void ask({ offset: next, limit: MORE }, (before, part) =>
        before ? withLater(before, part) : begun(part)
      );
    }, 0);
    return () => clearTimeout(timer);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `ask` is of this run and stream
  }, [next, follow, visible, isGoing]);
  return {
    loaded,
    error,
    earlier: async () => {
      if (loaded) {
        const offset = Math.max(0, loaded.start - PART);
        await ask({ offset, limit: loaded.start - offset }, (before, part) =>
          before ? withEarlier(before, part) : begun(part)
        );
      }
    },
    later: async () => {
      if (loaded) {
        await ask({ offset: loaded.next, limit: PART }, (before, part) =>
          before ? withLater(before, part) : begun(part)
        );
      }
    },
    end: () => ask(newest, (_, part) => begun(part)),
    jump: at => ask({ offset: Math.max(0, at - PART / 2), limit: PART }, (_, part) => begun(part))
  };
}

/** The last part of what a run that goes on has written, a new one whenever it writes more. */
function useEnd(run: Run, stream: Stream, enabled: boolean): LogPart | undefined {
  const { client } = useSession();
  const ask = { path: { ref: run.id, stream }, query: { offset: -END, limit: MORE } };
  return usePushed<LogPart, LogPart, LogPart>({
    key: ['run-log-end', run.id, stream],
    address: client.address('/runs/{ref}/logs/{stream}', ask),
    ask: signal => client.get('/runs/{ref}/logs/{stream}', { ...ask, signal }),
    take: (_, part) => part,
    shown: part => part,
    enabled
  }).data;
}

function Hits(props: {
  readonly run: Run;
  readonly stream: Stream;
  readonly search: string;
  readonly onChoose: (at: number) => void;
}): JSX.Element {
  const { run, stream, search, onChoose } = props;
  const trans = useTrans();
  const { client } = useSession();
  const { data, error } = useLive({
    key: ['run-log-lines', run.id, stream, search],
    fn: signal =>
      client.get('/runs/{ref}/logs/{stream}/lines', {
        path: { ref: run.id, stream },
        query: { text: search },
        signal
      })
  });
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Looking through the log')} />;
  }
  if (!data.n_lines) {
    return <Empty title={trans.__('No line has that in it.')} />;
  }
  return (
    <>
      <div className="jp-Mlops-runLogBar">
        <span className="jp-Mlops-quiet" role="status">
          {trans._n('%1 line', '%1 lines', data.n_lines)}
          {data.n_lines > data.lines.length && `, ${trans.__('the first %1', data.lines.length)}`}
        </span>
      </div>
      <ol className="jp-Mlops-runHits">
        {data.lines.map(hit => (
          <li key={hit.at}>
            <button type="button" title={trans.__('Show it in the log')} onClick={() => onChoose(hit.at)}>
              <span>{hit.number}</span>
              <code>{plain(hit.text)}</code>
            </button>
          </li>
        ))}
      </ol>
    </>
  );
}

/** A line without the sequences that colour it in a terminal. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- escape is what sequences begin with
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/^.*\r(?=.)/, '');
}
