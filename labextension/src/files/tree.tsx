/** A tree of files: by mouse and by keyboard, with only the rows drawn that are seen. */

import '../../style/files.css';

import { useVirtualizer } from '@tanstack/react-virtual';
import type { Virtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { JSX, KeyboardEvent, RefObject } from 'react';

import { useTrans } from '../api/context';
import { size } from '../common/format';
import { CaretIcon } from '../common/icons';
import { useScale } from '../common/scale';
import { keyed, openAtFirst, rowsOf, typedTo } from './model';
import type { FileEntry, FileRow } from './model';

const ROW_HEIGHT = 24;
/** A tree of fewer files needs no box to search in. */
const FEW = 12;
/** Letters that are typed within this time are the beginning of one name. */
const TYPING_MS = 700;

export function FileTree(props: {
  readonly files: readonly FileEntry[];
  readonly label: string;
  readonly chosen: string;
  readonly onChoose: (path: string) => void;
  /** A double click, or Enter. */
  readonly onOpen?: (path: string) => void;
}): JSX.Element {
  const { files, label, chosen, onChoose, onOpen } = props;
  const trans = useTrans();
  const [search, setSearch] = useState('');
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const first = useMemo(() => openAtFirst(files), [files]);
  const rows = useMemo(() => {
    const open = new Set([...first, ...toggled].filter(path => first.has(path) !== toggled.has(path)));
    return rowsOf(files, open, search);
  }, [files, first, toggled, search]);
  const toggle = (path: string): void => {
    setToggled(new Set(toggled.has(path) ? [...toggled].filter(one => one !== path) : [...toggled, path]));
  };
  return (
    <div className="jp-Mlops-files">
      {files.length > FEW && (
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans._n('Find in %1 file', 'Find in %1 files', files.length)}
          aria-label={trans.__('Find files')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
      )}
      <Rows {...{ rows, label, chosen, onChoose, onOpen, toggle }} />
    </div>
  );
}

function Rows(props: {
  readonly rows: readonly FileRow[];
  readonly label: string;
  readonly chosen: string;
  readonly onChoose: (path: string) => void;
  readonly onOpen: ((path: string) => void) | undefined;
  readonly toggle: (path: string) => void;
}): JSX.Element {
  const { rows, label, chosen, onChoose, onOpen, toggle } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<string | null>(null);
  const at = Math.max(
    0,
    rows.findIndex(row => row.path === (focused ?? chosen))
  );
  const { seen, rowHeight, probe } = useSeen(rows.length, scroller);
  const choose = (row: FileRow): void => {
    setFocused(row.path);
    if (row.isOpen === null) {
      onChoose(row.path);
    } else {
      toggle(row.path);
    }
  };
  const typing = useTyping();
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[at];
    const typed = typing(event);
    const act = typed ? { to: typedTo(rows, at, typed) } : keyed(event.key, rows, at);
    if (act?.toggle !== undefined) {
      toggle(act.toggle);
    } else if (act?.to !== undefined) {
      const next = rows[act.to];
      setFocused(next?.path ?? null);
      seen.scrollToIndex(act.to);
      if (next?.isOpen === null) {
        onChoose(next.path);
      }
    } else if (row && event.key === 'Enter' && row.isOpen === null && onOpen) {
      onOpen(row.path);
    } else if (row && (event.key === 'Enter' || event.key === ' ')) {
      choose(row);
    } else if (act === null) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const id = (index: number): string => `jp-mlops-file-${label}-${index}`.replace(/\s/g, '-');
  return (
    <div
      ref={scroller}
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={rows.length ? id(at) : undefined}
      className="jp-Mlops-fileRows"
      onKeyDown={onKeyDown}
    >
      <span className="jp-Mlops-em" role="presentation" ref={probe} />
      <div style={{ height: seen.getTotalSize(), position: 'relative' }} role="presentation">
        {seen.getVirtualItems().map(item => {
          const row = rows[item.index];
          return row ? (
            <Row
              key={row.path}
              {...{ row, start: item.start, height: rowHeight, onOpen }}
              id={id(item.index)}
              isChosen={row.path === chosen}
              isFocused={item.index === at}
              onClick={() => choose(row)}
            />
          ) : null;
        })}
      </div>
    </div>
  );
}

/** Return what tells which letters were typed so far, in one go, with the key that was just pressed; nothing for other keys. */
function useTyping(): (event: KeyboardEvent) => string {
  const last = useRef({ text: '', at: -Infinity });
  return ({ key, ctrlKey, metaKey, altKey, timeStamp }) => {
    const isLetter = /^\S$/u.test(key) && !ctrlKey && !metaKey && !altKey;
    const before = timeStamp - last.current.at < TYPING_MS ? last.current.text : '';
    last.current = { text: isLetter ? before + key : '', at: timeStamp };
    return last.current.text;
  };
}

interface Seen {
  readonly seen: Virtualizer<HTMLDivElement, Element>;
  /** As high as Lab's font wants it, which `probe` measures. */
  readonly rowHeight: number;
  readonly probe: (element: HTMLElement | null) => void;
}

function useSeen(count: number, scroller: RefObject<HTMLDivElement>): Seen {
  const [probe, scale] = useScale();
  const rowHeight = Math.round(ROW_HEIGHT * scale);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing in here is memoised
  const seen = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10
  });
  useEffect(() => seen.measure(), [seen, rowHeight]);
  return { seen, rowHeight, probe };
}

function Row(props: {
  readonly row: FileRow;
  readonly id: string;
  readonly start: number;
  readonly height: number;
  readonly isChosen: boolean;
  readonly isFocused: boolean;
  readonly onClick: () => void;
  readonly onOpen: ((path: string) => void) | undefined;
}): JSX.Element {
  const { row, id, start, height, isChosen, isFocused, onClick, onOpen } = props;
  return (
    // The tree itself has the focus and the keys, as the pattern with aria-activedescendant has it.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      role="treeitem"
      aria-level={row.level}
      aria-expanded={row.isOpen ?? undefined}
      aria-selected={isChosen}
      className={`jp-Mlops-fileRow ${isFocused ? 'jp-mod-focused' : ''}`}
      style={{ height, transform: `translateY(${start}px)`, paddingLeft: 6 + (row.level - 1) * 14 }}
      title={row.note ? `${row.path}\n${row.note}` : row.path}
      onClick={onClick}
      onDoubleClick={() => row.isOpen === null && onOpen?.(row.path)}
    >
      {row.isOpen === null ? <span className="jp-Mlops-fileGap" /> : <CaretIcon />}
      <bdi>{row.name}</bdi>
      <span className="jp-Mlops-aside">{row.note || (row.isOpen === null ? size(row.nBytes) : '')}</span>
    </div>
  );
}
