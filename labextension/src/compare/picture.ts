/**
 * Charts as PNG: what is on the screen on the theme's own background, with a title and a legend, so that the
 * picture can be read where nothing else of the page is.
 */

import { shorten } from './model';

export interface LegendItem {
  readonly color: string;
  readonly label: string;
}

export interface Picture {
  readonly title: string;
  /** The size of the chart in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly image: CanvasImageSource;
  readonly legend: readonly LegendItem[];
  /** What stands for the items that found no room: `and 240 more`. */
  readonly more: (n: number) => string;
}

/** Pixels of the picture to a CSS pixel: sharp in print, too. */
const SHARPNESS = 2;
const MARGIN = 16;
const TITLE = 30;
const LINE = 20;
const COLUMN = 220;
const MOST_ITEMS = 120;

/** Draw a chart with title and legend, in the colours and font that an element of the page has. */
export function draw(picture: Picture, like: Element): Promise<Blob> {
  const style = getComputedStyle(like);
  const ink = style.color;
  const font = `13px ${style.fontFamily || 'sans-serif'}`;
  const width = Math.max(picture.width, COLUMN) + 2 * MARGIN;
  const nColumns = Math.max(1, Math.floor((width - 2 * MARGIN) / COLUMN));
  const items = picture.legend.slice(0, MOST_ITEMS);
  const nLeft = picture.legend.length - items.length;
  const nRows = Math.ceil((items.length + (nLeft ? 1 : 0)) / nColumns);
  const height = TITLE + picture.height + nRows * LINE + 3 * MARGIN;

  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * SHARPNESS);
  canvas.height = Math.round(height * SHARPNESS);
  const context = canvas.getContext('2d');
  if (!context) {
    return Promise.reject(new Error('This browser draws no pictures.'));
  }
  context.scale(SHARPNESS, SHARPNESS);
  context.fillStyle = backgroundOf(like);
  context.fillRect(0, 0, width, height);
  context.fillStyle = ink;
  context.textBaseline = 'middle';
  context.font = `600 ${font}`;
  context.fillText(fit(context, picture.title, width - 2 * MARGIN), MARGIN, MARGIN + TITLE / 2 - 4);
  context.drawImage(picture.image, MARGIN, MARGIN + TITLE, picture.width, picture.height);
  context.font = font;
  const top = MARGIN + TITLE + picture.height + MARGIN + LINE / 2;
  items.forEach((item, index) => {
    const left = MARGIN + (index % nColumns) * COLUMN;
    const middle = top + Math.floor(index / nColumns) * LINE;
    context.fillStyle = item.color;
    context.fillRect(left, middle - 5, 10, 10);
    context.fillStyle = ink;
    context.fillText(fit(context, item.label, COLUMN - 28), left + 16, middle);
  });
  if (nLeft) {
    const index = items.length;
    const left = MARGIN + (index % nColumns) * COLUMN;
    context.fillText(picture.more(nLeft), left, top + Math.floor(index / nColumns) * LINE);
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error('The picture is too large.'))),
      'image/png'
    );
  });
}

/** Return as much of a text as fits into a width. */
function fit(context: CanvasRenderingContext2D, text: string, width: number): string {
  let most = 80;
  let shown = shorten(text, most);
  while (most > 4 && context.measureText(shown).width > width) {
    most -= Math.max(1, Math.floor(most / 8));
    shown = shorten(text, most);
  }
  return shown;
}

/** Return the first background behind an element that is not transparent. */
export function backgroundOf(like: Element): string {
  for (let at: Element | null = like; at; at = at.parentElement) {
    const { backgroundColor } = getComputedStyle(at);
    if (backgroundColor && backgroundColor !== 'transparent' && !backgroundColor.endsWith(', 0)')) {
      return backgroundColor;
    }
  }
  return 'white';
}

/** What of an element's style a picture needs: it knows nothing of the page's style sheets. */
const STYLES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'opacity',
  'display',
  'visibility',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'paint-order'
];

/** Return a text without the characters that XML cannot hold, which names may: the picture would not load. */
function xmlText(text: string): string {
  return Array.from(text, letter => (isXml(letter.codePointAt(0) ?? 0) ? letter : '\ufffd')).join('');
}

function isXml(code: number): boolean {
  const isControl = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d;
  return !isControl && (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
}

/** Return an SVG of the page as an image. */
export async function imageOf(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const originals = [svg, ...svg.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((element, index) => {
    const original = originals[index];
    if (!original || !(element instanceof SVGElement)) {
      return;
    }
    const style = getComputedStyle(original);
    STYLES.forEach(name => element.style.setProperty(name, style.getPropertyValue(name)));
  });
  copy.querySelectorAll('[data-picture="no"]').forEach(element => element.remove());
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  const text = xmlText(new XMLSerializer().serializeToString(copy));
  const address = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml;charset=utf-8' }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(address);
  }
}
