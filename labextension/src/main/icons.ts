/** The icons of what opens in the main area. */

import { LabIcon } from '@jupyterlab/ui-components';

import type { Kind } from '../commands';

const PATHS: Readonly<Record<Kind, string>> = {
  run: '<path d="M3 20V4M3 20H21M6 16l4-5 4 3 6-8"/>',
  compare: '<path d="M3 20V4M3 20H21M6 16l4-5 4 3 6-8M6 9l5 7 4-5 5 3"/>',
  experiment: '<path d="M4 5H20V19H4ZM4 10H20M4 14.5H20M10 5V19"/>',
  model: '<path d="M12 3 20 7.5V16.5L12 21 4 16.5V7.5ZM4 7.5 12 12 20 7.5M12 12V21"/>',
  service: '<path d="M4 4H20V10.5H4ZM4 13.5H20V20H4ZM7.5 7.25H8M7.5 16.75H8M12 7.25H16.5M12 16.75H16.5"/>'
};

export const ICONS = Object.fromEntries(
  Object.entries(PATHS).map(([kind, path]) => [
    kind,
    new LabIcon({
      name: `jupyter-mlops:${kind}`,
      svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16" height="16"><g class="jp-icon3 jp-icon-selectable" stroke="#616161" style="fill: none" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${path}</g></svg>`
    })
  ])
) as Readonly<Record<Kind, LabIcon>>;
