/** What is loaded of a log: whole lines from one byte to another, in blocks that are drawn only while they are seen. */

import type { LogPart } from '../api/types';

export interface Block {
  /** Byte at which it begins: what it is known by. */
  readonly start: number;
  readonly text: string;
  readonly nLines: number;
}

export interface Loaded {
  readonly blocks: readonly Block[];
  /** The line that is still being written. */
  readonly current: string;
  readonly start: number;
  readonly next: number;
  readonly nBytes: number;
}

const LINES_A_BLOCK = 200;
/** More than this is not kept: what was loaded first goes, and is loaded again where somebody scrolls there. */
const MOST_BLOCKS = 500;
const encoder = new TextEncoder();

/** Return a part of a log as it was loaded first. */
export function begun(part: LogPart): Loaded {
  const [lines, current] = parted(part);
  return {
    blocks: blocksOf(lines, part.start),
    current,
    start: part.start,
    next: part.next,
    nBytes: part.n_bytes
  };
}

/** Return what is loaded with the part that comes next. */
export function withLater(loaded: Loaded, part: LogPart): Loaded {
  if (part.start > loaded.next || part.start < loaded.start) {
    return begun(part); // the middle of the stream was left out meanwhile
  }
  const [lines, current] = parted(part);
  // A progress bar above the last line may have changed: what begins there now counts.
  const kept = part.start < loaded.next ? cut(loaded, part.start) : loaded.blocks;
  const last = kept[kept.length - 1];
  const merges = last !== undefined && last.nLines < LINES_A_BLOCK;
  const fresh = merges ? blocksOf(last.text + lines, last.start) : blocksOf(lines, part.start);
  const blocks = [...(merges ? kept.slice(0, -1) : kept), ...fresh].slice(-MOST_BLOCKS);
  return {
    blocks,
    current,
    start: blocks[0]?.start ?? part.start,
    next: part.next,
    nBytes: part.n_bytes
  };
}

/** Return what is loaded with the part before it. */
export function withEarlier(loaded: Loaded, part: LogPart): Loaded {
  const [lines] = parted(part);
  if (part.next < loaded.start) {
    return begun(part);
  }
  const blocks = [...blocksOf(lines, part.start), ...loaded.blocks.filter(block => block.start >= part.next)];
  return { ...loaded, blocks, start: part.start, nBytes: part.n_bytes };
}

/** Return the place of the line that begins at a byte, counted in lines from what is loaded first. */
export function lineAt(loaded: Loaded, at: number): number {
  let n = 0;
  for (const block of loaded.blocks) {
    const bytes = encoder.encode(block.text);
    if (at < block.start + bytes.length) {
      return n + count(bytes.subarray(0, at - block.start));
    }
    n += block.nLines;
  }
  return n;
}

/** Whether a part has what is not loaded yet: it may have been long on its way. */
export function isAfter({ next, text, n_bytes }: LogPart, loaded: Loaded): boolean {
  const [, current] = parted({ text });
  return (
    next > loaded.next || (next === loaded.next && (n_bytes !== loaded.nBytes || current !== loaded.current))
  );
}

export function isAtEnd(loaded: Loaded): boolean {
  return loaded.next + encoder.encode(loaded.current).length >= loaded.nBytes;
}

function parted({ text }: Pick<LogPart, 'text'>): readonly [string, string] {
  const whole = text.lastIndexOf('\n') + 1;
  return [text.slice(0, whole), text.slice(whole)];
}

function blocksOf(lines: string, start: number): readonly Block[] {
  const blocks: Block[] = [];
  const all = lines.split('\n').slice(0, -1);
  let at = start;
  for (let i = 0; i < all.length; i += LINES_A_BLOCK) {
    const some = all.slice(i, i + LINES_A_BLOCK);
    const text = `${some.join('\n')}\n`;
    blocks.push({ start: at, text, nLines: some.length });
    at += encoder.encode(text).length;
  }
  return blocks;
}

function cut(loaded: Loaded, at: number): readonly Block[] {
  return loaded.blocks.flatMap(block => {
    if (block.start >= at) {
      return [];
    }
    const bytes = encoder.encode(block.text);
    return block.start + bytes.length <= at
      ? [block]
      : blocksOf(new TextDecoder().decode(bytes.subarray(0, at - block.start)), block.start);
  });
}

function count(bytes: Uint8Array): number {
  return bytes.filter(byte => byte === 10).length;
}
