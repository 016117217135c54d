/** The tab's icon. */

import { LabIcon } from '@jupyterlab/ui-components';

/** A loop through two nodes: from the notebook to the service and back. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16" height="16">
  <g class="jp-icon3 jp-icon-selectable" stroke="#616161" style="fill: none" stroke-width="2" stroke-linecap="round">
    <path d="M12 12C10 8.6 8.4 7 6.4 7a5 5 0 0 0 0 10c2 0 3.6-1.6 5.6-5s3.6-5 5.6-5a5 5 0 0 1 0 10c-1.6 0-3-1-4.4-3"/>
  </g>
  <circle class="jp-icon3 jp-icon-selectable" fill="#616161" cx="6.4" cy="12" r="1.7"/>
  <circle class="jp-icon3 jp-icon-selectable" fill="#616161" cx="17.6" cy="12" r="1.7"/>
</svg>`;

export const mlopsIcon = new LabIcon({ name: 'jupyter-mlops:loop', svgstr: SVG });
