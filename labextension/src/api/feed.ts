/** What panels watch: told to the server in one message, and what it says of that handed to whoever watches. */

/** What is told of a thing that is watched. */
export interface Hearer {
  /** It is now so; said at once, and then whenever it changed. */
  readonly onAnswer: (answer: unknown) => void;
  /** The server could not look: asked by itself, it says why. */
  readonly onProblem: () => void;
  /** A moment has passed; the server looks at it, and has said nothing but that. */
  readonly onTick?: ((nowMs: number) => void) | undefined;
}

const TICK_MS = 1000;

interface Entry {
  /** All of one thing do the same, so that one of them is told. */
  readonly hearers: Set<Hearer>;
  isHeard: boolean;
  /** Whether what was told of it last is how it is, and not that nobody can tell. */
  isSeen: boolean;
}

export class Feed {
  /** By addresses below the API. */
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<() => void>();
  private isAwake = false;
  private later: ReturnType<typeof setTimeout> | null = null;
  private ticker: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly tell: (addresses: readonly string[]) => void) {}

  /** Watch the answer to a GET until the function that is returned is called. */
  watch(address: string, hearer: Hearer): () => void {
    const entry = this.entries.get(address) ?? { hearers: new Set(), isHeard: false, isSeen: false };
    this.entries.set(address, entry);
    entry.hearers.add(hearer);
    this.change();
    return () => {
      entry.hearers.delete(hearer);
      if (!entry.hearers.size && this.entries.get(address) === entry) {
        this.entries.delete(address);
        this.change();
      }
    };
  }

  /** Whether the server tells of it: until it does, and where no socket can be opened, one has to ask. */
  hears(address: string): boolean {
    return this.entries.get(address)?.isHeard ?? false;
  }

  /** Be told when what `hears` returns may have changed. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  answer(address: string, answer: unknown): void {
    this.hear(address, true)?.onAnswer(answer);
  }

  problem(address: string): void {
    this.hear(address, false)?.onProblem();
  }

  /** The socket is not open: nothing is heard until it is again. */
  deaf(): void {
    for (const entry of this.entries.values()) {
      entry.isHeard = false;
    }
    this.listeners.forEach(tell => tell());
  }

  /** Somebody looks at the page, or nobody does any more: then nothing is watched. */
  look(isAwake: boolean): void {
    if (isAwake !== this.isAwake) {
      this.isAwake = isAwake;
      if (!isAwake) {
        this.deaf();
      }
      this.change();
    }
  }

  dispose(): void {
    this.entries.clear();
    this.listeners.clear();
    this.change();
    if (this.later !== null) {
      clearTimeout(this.later);
    }
  }

  private hear(address: string, isSeen: boolean): Hearer | undefined {
    const entry = this.entries.get(address);
    if (!entry || !this.isAwake) {
      return undefined; // it was on its way when that was over
    }
    entry.isSeen = isSeen;
    if (!entry.isHeard) {
      entry.isHeard = true;
      this.listeners.forEach(tell => tell());
    }
    return [...entry.hearers][0];
  }

  /** What is left and taken up again at once, as when another tab is shown, is not told of. */
  private change(): void {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.tell(this.isAwake ? [...this.entries.keys()].sort() : []);
    }, 0);
    const ticks =
      this.isAwake && [...this.entries.values()].some(({ hearers }) => [...hearers].some(one => one.onTick));
    if (ticks && this.ticker === null) {
      this.ticker = setInterval(() => this.tick(), TICK_MS);
    } else if (!ticks && this.ticker !== null) {
      clearInterval(this.ticker);
      this.ticker = null;
    }
  }

  private tick(): void {
    for (const { hearers, isHeard, isSeen } of this.entries.values()) {
      if (isHeard && isSeen) {
        [...hearers][0]?.onTick?.(Date.now());
      }
    }
  }
}
