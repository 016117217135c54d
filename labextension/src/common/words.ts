/** The page's language, for what is written outside of components: one bundle, set as our plugins start. */

import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';

let bundle: TranslationBundle = nullTranslator.load('jupyter_mlops');

export function setWords(trans: TranslationBundle): void {
  bundle = trans;
}

/** As the field `trans` of others: extractors of texts look for `trans.__('...')`. */
export const trans: Pick<TranslationBundle, '__' | '_n' | '_p'> = {
  __: (...args) => bundle.__(...args),
  _n: (...args) => bundle._n(...args),
  _p: (...args) => bundle._p(...args)
};
