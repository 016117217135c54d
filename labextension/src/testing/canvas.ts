/** What jsdom lacks for charts: a canvas that takes strokes without drawing, sizes, and media queries. */

/** `write` gets each text that is drawn. */
export function giveCanvas(width = 600, write?: (text: string) => void): void {
  const ignore = (): undefined => undefined;
  const context = new Proxy(
    {},
    {
      get: (_, name) =>
        name === 'measureText'
          ? (text: string) => ({ width: 6 * text.length })
          : name === 'fillText'
            ? (write ?? ignore)
            : ignore,
      set: () => true
    }
  );
  HTMLCanvasElement.prototype.getContext = (() => context) as never;
  Object.defineProperty(HTMLElement.prototype, 'clientWidth', { configurable: true, get: () => width });
  Object.defineProperty(HTMLElement.prototype, 'clientHeight', { configurable: true, get: () => 200 });
  window.matchMedia = (() => ({
    matches: false,
    addEventListener: ignore,
    removeEventListener: ignore
  })) as never;
  globalThis.Path2D = class {
    moveTo = ignore;
    lineTo = ignore;
    rect = ignore;
    arc = ignore;
    closePath = ignore;
    addPath = ignore;
  } as never;
  globalThis.ResizeObserver = class {
    constructor(private readonly tell: (entries: readonly []) => void) {}
    observe(): void {
      queueMicrotask(() => this.tell([]));
    }
    unobserve = ignore;
    disconnect = ignore;
  } as never;
}
