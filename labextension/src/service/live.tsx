/** What a service does now: figures, curves of the last minutes, its deployments and their replicas. */

import { useMemo } from 'react';
import type { JSX, ReactNode } from 'react';

import { useTrans } from '../api/context';
import type { Service } from '../api/types';
import { Part } from '../common/ui/parts';
import { Stale } from '../common/ui/states';
import { Curves } from '../curves/panel';
import type { Line } from '../curves/model';
import { Deployments } from './deployments';
import { latencyText, points, rateText } from './figures';
import type { Point } from './figures';
import { nWanted } from './model';
import { useFigures } from './queries';
import { Replicas } from './replicas';

/** The charts begin as wide as this, and grow with what was seen. */
const LEAST_MS = 60_000;

export function Live(props: {
  readonly service: Service;
  readonly onLogs: (replica: string) => void;
}): JSX.Element {
  const { service } = props;
  const trans = useTrans();
  const { data: looks = [], error } = useFigures(service.name);
  const found = useMemo(() => points(looks), [looks]);
  return (
    <div className="jp-Mlops-serviceLive">
      <Stale error={error} />
      <Tiles service={service} point={found.at(-1)} />
      <Charts points={found} />
      <Part title={trans.__('Deployments')}>
        {/* Where a deployment comes or goes, what was moved is about others. */}
        <Deployments
          key={service.deployments.map(one => one.name).join(' ')}
          service={service}
          looks={looks}
        />
      </Part>
      <Part title={trans.__('Replicas')}>
        <Replicas looks={looks} onLogs={props.onLogs} />
      </Part>
    </div>
  );
}

function Tiles(props: { readonly service: Service; readonly point: Point | undefined }): JSX.Element {
  const { service, point } = props;
  const trans = useTrans();
  const failed = point?.failedPerS ?? null;
  const all = point?.perS ?? null;
  const percent = failed && all ? Math.min(100, (100 * failed) / all) : 0;
  const latency = trans.__(
    'In the replica, from the first byte of a request to its answer, over the last seconds'
  );
  return (
    <dl className="jp-Mlops-tiles" aria-label={trans.__('Figures of the last seconds')}>
      <Tile name={trans.__('Requests per second')} value={rateText(all)}>
        {point ? trans._n('%1 in flight', '%1 in flight', point.inFlight) : ''}
      </Tile>
      <Tile
        name={trans.__('Median latency (p50)')}
        value={latencyText(point?.p50S ?? null)}
        title={latency}
      />
      <Tile
        name={trans.__('99th percentile (p99)')}
        value={latencyText(point?.p99S ?? null)}
        title={latency}
      />
      <Tile
        name={trans.__('Errors per second')}
        value={rateText(failed)}
        tone={failed ? 'bad' : undefined}
        title={trans.__('Answers of status 500 and more; refused are those from 400 to 499')}
      >
        {trans.__(
          '%1 %, and %2 refused per second',
          Number(percent.toPrecision(2)),
          rateText(point?.refusedPerS ?? null)
        )}
      </Tile>
      <Tile
        name={trans.__('Replicas ready')}
        value={trans.__('%1 of %2', service.n_ready, nWanted(service))}
        tone={service.n_ready < nWanted(service) ? 'warn' : undefined}
      />
    </dl>
  );
}

function Tile(props: {
  readonly name: string;
  readonly value: string;
  readonly tone?: 'bad' | 'warn' | undefined;
  readonly title?: string;
  readonly children?: ReactNode;
}): JSX.Element {
  return (
    <div className={`jp-Mlops-tile ${props.tone ? `jp-mod-${props.tone}` : ''}`} title={props.title}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
      {props.children && <dd className="jp-Mlops-tileMore">{props.children}</dd>}
    </div>
  );
}

function Charts({ points: found }: { readonly points: readonly Point[] }): JSX.Element {
  const trans = useTrans();
  const [rates, latencies] = useMemo(() => {
    const x = Float64Array.from(found, one => one.at * 1000);
    const line = (id: string, label: string, of: (one: Point) => number | null, color: string): Line => ({
      id,
      label,
      x,
      y: Float64Array.from(found, one => of(one) ?? NaN),
      color
    });
    return [
      [
        line('ok', trans.__('answered'), one => one.okPerS, 'var(--jp-success-color1)'),
        line('refused', trans.__('refused (4xx)'), one => one.refusedPerS, 'var(--jp-warn-color1)'),
        line('failed', trans.__('failed (5xx)'), one => one.failedPerS, 'var(--jp-error-color1)')
      ],
      [
        line('p50', 'p50', one => inMs(one.p50S), 'var(--jp-brand-color1)'),
        line('p99', 'p99', one => inMs(one.p99S), 'var(--jp-warn-color1)')
      ]
    ];
  }, [found, trans]);
  return (
    <div className="jp-Mlops-serviceCharts">
      <Part title={trans.__('Requests per second')}>
        <Curves
          series={rates}
          axis="time"
          height={170}
          span={LEAST_MS}
          gapMarks={false}
          label={trans.__('Requests per second')}
        />
      </Part>
      <Part title={trans.__('Latency in milliseconds')}>
        <Curves
          series={latencies}
          axis="time"
          height={170}
          span={LEAST_MS}
          gapMarks={false}
          label={trans.__('Latency in milliseconds')}
        />
      </Part>
    </div>
  );
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
