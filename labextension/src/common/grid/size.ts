/**
 * The heights of a grid's rows, in pixels at Lab's own font size: all are alike, so that the hundred-thousandth has its
 * place without the others.
 */

export const ROW_HEIGHT = 28;
export const HEAD_HEIGHT = 30;

/** What is drawn, at a font so much larger. */
export interface Heights {
  readonly row: number;
  readonly head: number;
}

export function heightsAt(scale: number): Heights {
  return { row: Math.round(ROW_HEIGHT * scale), head: Math.round(HEAD_HEIGHT * scale) };
}
