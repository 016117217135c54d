/** What part of the rows is looked at, and where the scroll bar is while rows come and go. */

import type { Rows, TreeNode } from './model';

/** Pixels above and below what is looked at that are drawn, too. */
const AROUND_PX = 400;
/** What is drawn where nothing has a size: in a document that is not laid out, as in specs. */
const BLIND_PX = 1000;

/** Rows `first` to `end`, one past the last. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

export interface View {
  readonly top: number;
  readonly height: number;
}

/** What was at the top when a person last scrolled: it stays there while rows come and go above it. */
interface Anchor {
  readonly id: string;
  readonly under: number;
}

/** The element that scrolls. `headPx` is what a section takes at its top. */
export class Viewport<N extends TreeNode> {
  private element: HTMLElement | null = null;
  private rows: Rows<N> | null = null;
  private anchor: Anchor | null = null;
  private view: View = { top: 0, height: BLIND_PX };
  private readonly listeners = new Set<() => void>();
  private readonly observer = new ResizeObserver(() => this.look());

  constructor(private readonly headPx: number) {}

  /** A React ref. */
  readonly attach = (element: HTMLElement | null): void => {
    this.observer.disconnect();
    this.element = element;
    if (element) {
      this.observer.observe(element);
      this.look();
    }
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): View => this.view;

  readonly onScroll = (): void => {
    this.remember();
    this.look();
  };

  /** These rows are drawn now: what was looked at stays where it was. */
  keep(rows: Rows<N>): void {
    this.rows = rows;
    const row = this.anchor ? rows.at(rows.indexOf(this.anchor.id)) : undefined;
    if (this.element && this.anchor && row) {
      const top = row.top - this.anchor.under;
      if (Math.abs(top - this.element.scrollTop) >= 1) {
        this.element.scrollTop = top;
      }
    }
    this.onScroll();
  }

  /** Make a row be seen. */
  scrollTo(index: number): void {
    const row = this.rows?.at(index);
    if (!this.element || !row) {
      return;
    }
    const { scrollTop, clientHeight } = this.element;
    const room = row.level > 1 ? this.room() : 0;
    if (row.top < scrollTop + room) {
      this.element.scrollTop = row.top - room;
    } else if (row.top + row.height > scrollTop + clientHeight) {
      this.element.scrollTop = row.top + row.height - clientHeight;
    }
    this.onScroll();
  }

  /** Make a row be seen, and give it the focus. */
  show(id: string): void {
    this.scrollTo(this.rows?.indexOf(id) ?? -1);
    this.find(id)?.focus({ preventScroll: true });
  }

  /** The element with a row's content, as far as it is drawn. */
  find(id: string): HTMLElement | undefined {
    const drawn = [...(this.element?.querySelectorAll<HTMLElement>('[data-id]') ?? [])];
    return drawn.find(one => one.dataset.id === id);
  }

  contains(target: EventTarget | null): boolean {
    return target instanceof Node && (this.element?.contains(target) ?? false);
  }

  private room(): number {
    return this.headPx * (this.rows?.scale ?? 1);
  }

  private remember(): void {
    const top = this.element?.scrollTop ?? 0;
    const row = top > 0 ? this.rows?.at(this.rows.indexAt(top + this.room())) : undefined;
    this.anchor = row ? { id: row.node.id, under: row.top - top } : null;
  }

  private look(): void {
    const { scrollTop: top = 0, clientHeight = 0 } = this.element ?? {};
    const height = clientHeight || BLIND_PX;
    if (this.view.top !== top || this.view.height !== height) {
      this.view = { top, height };
      this.listeners.forEach(tell => tell());
    }
  }
}

/** The rows that are drawn. */
export function drawnOf<N extends TreeNode>(rows: Rows<N>, { top, height }: View): Range {
  return between(rows, top - AROUND_PX, top + height + AROUND_PX);
}

function between<N extends TreeNode>(rows: Rows<N>, from: number, to: number): Range {
  return {
    first: Math.max(rows.indexAt(Math.max(from, 0)), 0),
    end: Math.min(rows.indexAt(Math.max(to, 0)) + 1, rows.length)
  };
}
