/** Notebook 7, whose shell holds one document: what Lab puts beside each other are tabs of its front page there. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';
import { TabPanel } from '@lumino/widgets';

/** Which page of Notebook 7 this is: `tree`, `notebooks`, `edit`, `consoles`; empty in JupyterLab. */
export function notebookPage(): string {
  return PageConfig.getOption('notebookPage');
}

/** The tabs of Notebook's front page (Files, Running), or null elsewhere. */
export function frontPage(shell: JupyterFrontEnd['shell']): TabPanel | null {
  for (const widget of shell.widgets('main')) {
    if (widget instanceof TabPanel && widget.hasClass('jp-TreePanel')) {
      return widget;
    }
  }
  return null;
}
