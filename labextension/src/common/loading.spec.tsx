import { nullTranslator } from '@jupyterlab/translation';
import { Notification } from '@jupyterlab/apputils';
import { render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { Suspense } from 'react';
import type { JSX } from 'react';
import { expect, it, vi } from 'vitest';

import { Guard } from '../main/guard';
import { lazily } from './lazily';
import { needed, once } from './loading';

const trans = nullTranslator.load('jupyter_mlops');

function Drawn({ name }: { readonly name: string }): JSX.Element {
  return <p>drawn: {name}</p>;
}

it('a view that could not be loaded is loaded when somebody tries again', async () => {
  vi.spyOn(console, 'error').mockReturnValue(undefined); // React writes down what the guard caught
  const load = vi.fn<() => Promise<typeof Drawn>>();
  load.mockRejectedValueOnce(new Error('Loading chunk 7 failed.')).mockResolvedValue(Drawn);
  const View = lazily(load);
  render(
    <Guard trans={trans}>
      <Suspense fallback="loading">
        <View name="churn" />
      </Suspense>
    </Guard>
  );
  expect(await screen.findByText(/Loading chunk 7 failed/)).toBeVisible();
  expect(load).toHaveBeenCalledTimes(1);
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('drawn: churn')).toBeVisible();
  expect(load).toHaveBeenCalledTimes(2);
});

it('what could not be loaded for a click is said, and loaded with the next one, once', async () => {
  const load = vi.fn<() => Promise<number>>().mockRejectedValueOnce(new Error('away')).mockResolvedValue(7);
  const get = once(load);
  await expect(needed(get())).rejects.toThrow('away');
  expect(Notification.manager.notifications.map(one => one.message)).toEqual([
    expect.stringContaining('could not be loaded')
  ]);
  expect([await needed(get()), await get(), load.mock.calls.length]).toEqual([7, 7, 2]);
  expect(Notification.manager.notifications).toHaveLength(1);
});
