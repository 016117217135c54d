import { describe, expect, it } from 'vitest';

import { service } from '../testing/records';
import { changedSettings, settingsOf } from './configure';
import { isLoadedBy, magicFor, toggled } from './magic';
import { stem } from './models';
import { loadOf } from './scale';
import { serviceFor } from './services';

describe('tracking a cell', () => {
  const after = (source: string): string | null => {
    const change = toggled(source);
    return change && change.insert + source.slice(change.remove);
  };

  it('puts the magic above it, and takes it away with its options', () => {
    expect(after('x = 1')).toBe('%%ml run\nx = 1');
    expect(after('')).toBe('%%ml run\n');
    expect(after('%%ml run -n forest -p C=1\nx = 1')).toBe('x = 1');
    expect(after('%%ml run')).toBe('');
  });

  it.each([
    ['churn', 'churn'],
    ['실험/1', '실험/1'],
    ['two words', "'two words'"],
    ["it's", `'it'"'"'s'`],
    ['-x', "'-x'"]
  ])('names the experiment %s as a shell would read it', (name, written) => {
    expect(magicFor(name)).toBe(`%%ml run -e ${written}`);
  });

  it('leaves a cell alone that another magic has', () => {
    expect(after('%%time\nx = 1')).toBeNull();
    expect(after('%%ml runs\nx')).toBeNull();
  });

  it('knows the line that loads the extension wherever it stands', () => {
    expect(isLoadedBy('import os\n%load_ext jupyter_mlops\n')).toBe(true);
    expect(isLoadedBy('%reload_ext  jupyter_mlops')).toBe(true);
    expect(isLoadedBy('# %load_ext jupyter_mlops')).toBe(false);
    expect(isLoadedBy('%load_ext jupyter_mlops_other')).toBe(false);
  });
});

describe('a service', () => {
  it.each([
    ['churn:3', 'churn'],
    ['churn.v2@champion', 'churn.v2'],
    ['my model!', 'my-model'],
    ['이탈 예측', '']
  ])('of the model %s is called %s at first', (model, name) => {
    expect(serviceFor(model)).toBe(name);
  });
});

describe('a configuration', () => {
  const before = settingsOf(service());

  it('sends what was changed, as numbers, flags and lists', () => {
    const values = { ...before, max_queue: '50', timeout_s: '2.5', enabled: 'false', hash: 'email, name' };
    expect(changedSettings(values, before)).toEqual({
      max_queue: 50,
      timeout_s: 2.5,
      telemetry: { enabled: false, hash: ['email', 'name'] }
    });
    expect(changedSettings(before, before)).toEqual({});
  });

  it('leaves as it is what was emptied, save for lists and addresses', () => {
    const had = { ...before, hash: 'email', otlp_endpoint: 'http://x' };
    const values = { ...had, max_queue: '', hash: '', otlp_endpoint: '' };
    expect(changedSettings(values, had)).toEqual({ otlp_endpoint: '', telemetry: { hash: [] } });
  });
});

it('a form to scale begins with how the deployment is scaled now', () => {
  const [part] = service().deployments;
  expect(loadOf(part && { ...part, replicas: 3 })).toMatchObject({
    way: 'fixed',
    replicas: 3,
    max_replicas: 4
  });
  const scale = { min_replicas: 0, max_replicas: 9, target_utilization: 0.5, concurrency: 2, cool_down_s: 5 };
  expect(loadOf(part && { ...part, replicas: 0, scale })).toEqual({ way: 'load', replicas: 1, ...scale });
});

it.each([
  ['models/churn v2.pkl', 'churn-v2'],
  ['data/', 'data'],
  ['.hidden', 'hidden'],
  ['모델.bin', ''],
  ['a.tar.gz', 'a.tar']
])('a model made of %s may be called %s', (path, name) => {
  expect(stem(path)).toBe(name);
});
