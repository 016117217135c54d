/** A run's card: what a tracked cell shows below itself, while it runs and for good. */

import { useEffect, useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { metric, size, span } from '../common/format';
import { CopyIcon, StatusIcon } from '../common/icons';
import { runWord, RUN_TONES } from '../common/status';
import { trans } from '../common/words';
import { polyline, took } from './model';
import type { Card, Child, Output, Picture, Trend } from './model';

const WIDTH = 110;
const HEIGHT = 20;

export interface CardProps {
  readonly card: Card;
  /** Whether it is known that a RUNNING run runs: a notebook may have been saved long ago. */
  readonly isLive: boolean;
  readonly copy: (text: string) => void;
  /** Return the whole figure's address, or null where no server has it. */
  readonly load: (path: string) => Promise<string | null>;
  /** Draws Markdown, sanitised. */
  readonly notes: ReactNode;
}

export function RunCard({ card, isLive, copy, load, notes }: CardProps): JSX.Element {
  return (
    <section
      className="jp-Mlops-runCard"
      aria-label={trans.__('Run %1, %2', card.name, runWord(card.status))}
    >
      <Header card={card} isLive={isLive} copy={copy} />
      {card.progress && (
        <div className="jp-Mlops-cardProgress">
          <div className="jp-Mlops-bar">
            <span style={{ width: `${card.progress.fraction * 100}%` }} />
          </div>
          <code>{card.progress.text}</code>
        </div>
      )}
      {card.reason && (
        <p className={card.status === 'FAILED' ? 'jp-Mlops-cardReason jp-mod-bad' : 'jp-Mlops-cardReason'}>
          {card.reason}
        </p>
      )}
      <HiddenState lines={card.hiddenState} />
      <div className="jp-Mlops-cardColumns">
        {card.params.length > 0 && <Params params={card.params} />}
        {card.trends.length > 0 && <Metrics trends={card.trends} nMore={card.nMore} />}
      </div>
      <Figures pictures={card.pictures} load={load} />
      {card.children.length > 0 && <Children items={card.children} nMore={card.nMoreChildren} />}
      {notes}
      {card.outputs.length > 0 && <Outputs items={card.outputs} nMore={card.nMoreOutputs} />}
      <Facts card={card} />
      {card.warnings.map(warning => (
        <p key={warning} className="jp-Mlops-cardWarning">
          {trans.__('Snapshot: %1', warning)}
        </p>
      ))}
    </section>
  );
}

function Header({ card, isLive, copy }: Pick<CardProps, 'card' | 'isLive' | 'copy'>): JSX.Element {
  const now = useSeconds(isLive && card.status === 'RUNNING');
  const time = took(card, isLive ? now : null);
  const stale =
    card.status === 'RUNNING' && !isLive ? trans.__('running when this was saved') : runWord(card.status);
  return (
    <header className="jp-Mlops-cardHeader">
      <StatusIcon tone={RUN_TONES[card.status]} title={runWord(card.status)} />
      <strong>{card.name}</strong>
      <span className="jp-Mlops-aside">{[stale, card.experiment, time].filter(Boolean).join(' · ')}</span>
      <span className="jp-Mlops-cardActions">
        <Copy label={card.id.slice(0, 8)} what={card.id} title={trans.__("Copy the run's id")} copy={copy} />
        <Copy
          label={'Python'}
          what={`run = %ml runs show ${card.id}`}
          title={trans.__('Copy the line that loads this run in a notebook')}
          copy={copy}
        />
        {card.link && (
          <a href={card.link} target="_blank" rel="noopener noreferrer">
            {'MLflow'}
          </a>
        )}
      </span>
    </header>
  );
}

function Copy(props: {
  readonly label: string;
  readonly what: string;
  readonly title: string;
  readonly copy: (text: string) => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Mlops-cardCopy"
      title={props.title}
      aria-label={props.title}
      onClick={() => props.copy(props.what)}
    >
      <code>{props.label}</code>
      <CopyIcon />
    </button>
  );
}

function HiddenState({ lines }: { readonly lines: readonly string[] }): JSX.Element | null {
  return lines.length === 0 ? null : (
    <div className="jp-Mlops-cardHidden">
      <strong>{trans.__('Not reproducible from top to bottom')}</strong>
      <ul>
        {lines.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  );
}

function Params({ params }: { readonly params: Card['params'] }): JSX.Element {
  return (
    <table className="jp-Mlops-cardTable">
      <caption>{trans.__('Parameters')}</caption>
      <tbody>
        {params.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Metrics({
  trends,
  nMore
}: {
  readonly trends: readonly Trend[];
  readonly nMore: number;
}): JSX.Element {
  return (
    <table className="jp-Mlops-cardTable">
      <caption>{trans.__('Metrics')}</caption>
      <tbody>
        {trends.map(trend => (
          <tr key={trend.name}>
            <th scope="row">{trend.name}</th>
            <td className="jp-mod-number" title={String(trend.last)}>
              {metric(trend.last)}
            </td>
            <td>
              <Sparkline trend={trend} />
            </td>
          </tr>
        ))}
        <More n={nMore} />
      </tbody>
    </table>
  );
}

function Sparkline({ trend }: { readonly trend: Trend }): JSX.Element | null {
  if (trend.points.length < 2) {
    return null;
  }
  const said =
    trend.lowest === null || trend.highest === null
      ? trans._n('%1 point', '%1 points', trend.nPoints)
      : trans.__('%1 points, from %2 to %3', trend.nPoints, metric(trend.lowest), metric(trend.highest));
  return (
    <svg
      className="jp-Mlops-spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
    >
      <title>{said}</title>
      <polyline points={polyline(trend.points, WIDTH, HEIGHT)} />
    </svg>
  );
}

function Figures(props: {
  readonly pictures: readonly Picture[];
  readonly load: CardProps['load'];
}): JSX.Element | null {
  return props.pictures.length === 0 ? null : (
    <div className="jp-Mlops-cardFigures">
      {props.pictures.map(picture => (
        <Figure key={picture.path} picture={picture} load={props.load} />
      ))}
    </div>
  );
}

function Figure({
  picture,
  load
}: {
  readonly picture: Picture;
  readonly load: CardProps['load'];
}): JSX.Element {
  const [open, setOpen] = useState(false);
  const [whole, setWhole] = useState<string | null>(null);
  useEffect(
    () => () => {
      if (whole !== null) {
        URL.revokeObjectURL(whole);
      }
    },
    [whole]
  );
  const onClick = (): void => {
    setOpen(!open);
    if (!open && whole === null) {
      void load(picture.path).then(setWhole);
    }
  };
  const shown = (open ? whole : null) ?? picture.address;
  const name = picture.path.replace(/^figures\//, '');
  return (
    <button
      type="button"
      className={open ? 'jp-Mlops-cardFigure jp-mod-open' : 'jp-Mlops-cardFigure'}
      aria-expanded={open}
      title={open ? trans.__('Show %1 small', name) : trans.__('Show %1 large', name)}
      onClick={onClick}
    >
      {shown ? <img src={shown} alt={name} /> : <code>{name}</code>}
    </button>
  );
}

function Children(props: { readonly items: readonly Child[]; readonly nMore: number }): JSX.Element {
  return (
    <table className="jp-Mlops-cardTable">
      <caption>{trans.__('Children')}</caption>
      <tbody>
        {props.items.map((child, at) => (
          <tr key={at}>
            <th scope="row">
              <span className="jp-Mlops-cardChild">
                <StatusIcon tone={RUN_TONES[child.status]} title={runWord(child.status)} />
                {child.name}
              </span>
            </th>
            <td className="jp-mod-number">{child.durationS === null ? '' : span(child.durationS)}</td>
            <td>{child.metrics.map(([name, last]) => `${name} ${metric(last)}`).join(', ')}</td>
          </tr>
        ))}
        <More n={props.nMore} />
      </tbody>
    </table>
  );
}

function Outputs(props: { readonly items: readonly Output[]; readonly nMore: number }): JSX.Element {
  return (
    <details className="jp-Mlops-cardOutputs">
      <summary>{trans._n('%1 file', '%1 files', props.items.length + props.nMore)}</summary>
      <table className="jp-Mlops-cardTable">
        <tbody>
          {props.items.map(output => (
            <tr key={output.path}>
              <th scope="row">{output.path}</th>
              <td className="jp-mod-number">{size(output.nBytes)}</td>
            </tr>
          ))}
          <More n={props.nMore} />
        </tbody>
      </table>
    </details>
  );
}

function More({ n }: { readonly n: number }): JSX.Element | null {
  return n > 0 ? (
    <tr>
      <td colSpan={3}>{trans.__('and %1 more', n)}</td>
    </tr>
  ) : null;
}

function Facts({ card }: { readonly card: Card }): JSX.Element {
  return (
    <dl className="jp-Mlops-cardFacts">
      {card.facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Seconds since the epoch, told every second while `active`. */
function useSeconds(active: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!active) {
      return;
    }
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
}
