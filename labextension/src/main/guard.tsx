/** Catches what a view throws while it draws, so that the rest of Lab goes on and a person can try again. */

import type { TranslationBundle } from '@jupyterlab/translation';
import { Component } from 'react';
import type { ReactNode } from 'react';

import { forgetFailures } from '../common/lazily';
import { Button } from '../common/ui/button';
import { Problem } from '../common/ui/states';

interface Props {
  readonly trans: TranslationBundle;
  readonly children: ReactNode;
}

export class Guard extends Component<Props, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { trans, children } = this.props;
    if (this.state.error === null) {
      return children;
    }
    return (
      <div className="jp-Mlops-middle">
        <Problem
          message={
            this.state.error.name === 'ChunkLoadError' // its own words are an address
              ? trans.__('The server did not send what draws this view.')
              : trans.__('This view could not be drawn: %1', this.state.error.message)
          }
          hint={trans.__(
            'Try again; if it stays, reload the page, and restart JupyterLab if it was upgraded.'
          )}
        />
        <Button
          onClick={() => {
            forgetFailures();
            this.setState({ error: null });
          }}
        >
          {trans.__('Try again')}
        </Button>
      </div>
    );
  }
}
