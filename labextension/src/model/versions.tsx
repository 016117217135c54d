/** The versions of a model, newest first: thousands scroll smoothly, since only those in view are drawn. */

import { useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import type { JSX, KeyboardEvent, RefObject } from 'react';

import { useTrans } from '../api/context';
import type { ModelVersion } from '../api/types';
import { useNow } from '../common/clock';
import { age, moment, size } from '../common/format';
import { useScale } from '../common/scale';
import { filtered, windowOf } from './model';

const ROW_PX = 54;
const FILTER_ABOVE = 8;

export interface VersionsProps {
  readonly versions: readonly ModelVersion[];
  readonly selected: number;
  /** Those to compare. */
  readonly chosen: ReadonlySet<number>;
  readonly onSelect: (version: number) => void;
  readonly onChoose: (version: number) => void;
}

export function Versions(props: VersionsProps): JSX.Element {
  const { versions } = props;
  const trans = useTrans();
  const [filter, setFilter] = useState('');
  const shown = filtered(versions, filter);
  return (
    <div className="jp-Mlops-modelVersions">
      {versions.length > FILTER_ABOVE && (
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Filter: version, alias, tag, who …')}
          aria-label={trans.__('Filter versions')}
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
      )}
      {shown.length ? (
        <Rows {...props} versions={shown} />
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('No version matches the filter.')}</p>
      )}
    </div>
  );
}

function Rows(props: VersionsProps): JSX.Element {
  const { versions, selected, onSelect, onChoose } = props;
  const trans = useTrans();
  const list = useRef<HTMLDivElement>(null);
  const [probe, scale] = useScale();
  const rowPx = Math.round(ROW_PX * scale);
  const base = useId();
  const [view, setView] = useState({ top: 0, height: 0 });
  const at = Math.max(
    0,
    versions.findIndex(one => one.version === selected)
  );
  const { first, end } = windowOf(versions.length, rowPx, view.top, view.height);
  const measure = (): void => {
    if (list.current) {
      setView({ top: list.current.scrollTop, height: list.current.clientHeight });
    }
  };
  useLayoutEffect(measure, []);
  useEffect(() => {
    const element = list.current;
    if (!element || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useInView(list, at, rowPx);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const page = Math.max(1, Math.floor(view.height / rowPx));
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[
      event.key
    ];
    if (event.key === ' ') {
      event.preventDefault();
      onChoose(selected);
    } else if (step !== undefined) {
      event.preventDefault();
      const next = versions[Math.min(versions.length - 1, Math.max(0, at + step))];
      if (next) {
        onSelect(next.version);
      }
    }
  };

  return (
    <div
      ref={list}
      className="jp-Mlops-modelVersionList"
      role="grid"
      tabIndex={0}
      aria-label={trans.__('Versions. Space chooses one for a comparison.')}
      aria-rowcount={versions.length}
      aria-activedescendant={`${base}-${selected}`}
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <span className="jp-Mlops-em" role="presentation" ref={probe} />
      <div role="presentation" style={{ height: versions.length * rowPx, position: 'relative' }}>
        {versions.slice(first, end).map((version, index) => (
          <Row
            key={version.version}
            {...props}
            base={base}
            version={version}
            at={first + index}
            rowPx={rowPx}
          />
        ))}
      </div>
    </div>
  );
}

/** Scroll to a row when it is another. */
function useInView(list: RefObject<HTMLElement>, at: number, rowPx: number): void {
  useEffect(() => {
    const element = list.current;
    if (element?.clientHeight) {
      const [top, bottom] = [at * rowPx, (at + 1) * rowPx];
      if (top < element.scrollTop) {
        element.scrollTo({ top });
      } else if (bottom > element.scrollTop + element.clientHeight) {
        element.scrollTo({ top: bottom - element.clientHeight });
      }
    }
  }, [list, at, rowPx]);
}

interface RowProps extends VersionsProps {
  /** What the ids of rows begin with: several models may be open. */
  readonly base: string;
  readonly version: ModelVersion;
  readonly at: number;
  readonly rowPx: number;
}

function Row(props: RowProps): JSX.Element {
  const { base, version, at, rowPx, selected, chosen, onSelect, onChoose } = props;
  const trans = useTrans();
  const now = useNow();
  const number = version.version;
  const details = [
    version.flavor || trans.__('file'),
    version.n_bytes === null ? '' : size(version.n_bytes),
    version.created_by,
    age(version.created_at, now)
  ];
  return (
    // The keyboard is the grid's: one tab stop for thousands of rows.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      id={`${base}-${number}`}
      aria-rowindex={at + 1}
      aria-selected={number === selected}
      tabIndex={-1}
      className="jp-Mlops-modelVersion"
      style={{ top: at * rowPx, height: rowPx }}
      onClick={() => onSelect(number)}
    >
      <div role="gridcell">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={chosen.has(number)}
          aria-label={trans.__('Compare version %1', number)}
          title={trans.__('Compare version %1', number)}
          onClick={event => event.stopPropagation()}
          onChange={() => onChoose(number)}
        />
      </div>
      <div role="gridcell" className="jp-Mlops-modelVersionText">
        <div className="jp-Mlops-modelVersionName">
          <strong>{trans.__('Version %1', number)}</strong>
          {version.aliases.map(alias => (
            <bdi key={alias} className="jp-Mlops-modelBadge jp-mod-alias" title={`@${alias}`}>
              @{alias}
            </bdi>
          ))}
          {version.services.length > 0 && (
            <span className="jp-Mlops-modelBadge jp-mod-live" title={version.services.join(', ')}>
              {trans.__('deployed')}
            </span>
          )}
          <Tags tags={version.tags} />
        </div>
        <div className="jp-Mlops-modelVersionDetails" title={moment(version.created_at)}>
          <bdi>{details.filter(Boolean).join(' · ')}</bdi>
        </div>
      </div>
    </div>
  );
}

function Tags({ tags }: { readonly tags: Readonly<Record<string, string>> }): JSX.Element {
  return (
    <>
      {Object.entries(tags)
        .slice(0, 3)
        .map(([key, value]) => (
          <bdi key={key} className="jp-Mlops-modelBadge" title={`${key}=${value}`.slice(0, 500)}>
            {`${key}=${value}`.slice(0, 60)}
          </bdi>
        ))}
    </>
  );
}
