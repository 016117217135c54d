/** The heights of a grid's rows, in pixels: all are alike, so that the hundred-thousandth has its place without the others. */

export const ROW_HEIGHT = 28;
export const HEAD_HEIGHT = 30;
