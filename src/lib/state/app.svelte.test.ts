import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { App } from './app.svelte.ts';
import { fakeTab } from './tab.fixture.ts';

test('what is stored is known before the tab is', async () => {
  const app = new App();
  const { tab } = fakeTab({ privateMode: true });
  const stored = { settings: tab.settings.view, history: tab.history };
  app.attachStored(stored);
  expect([app.settings.value.privateMode, app.tab, await app.stored]).toEqual([true, undefined, stored]);
});

test('a tab that cannot be created leaves the reason, and nobody waiting', async () => {
  const app = new App();
  app.fail(new TabloomError('storage-unavailable', 'No.'));
  await expect(app.ready).rejects.toMatchObject({ code: 'storage-unavailable' });
  await expect(app.stored).rejects.toMatchObject({ code: 'storage-unavailable' });
  expect(app.bootError).toMatchObject({ code: 'storage-unavailable' });
});

test('a model loaded on this device becomes the target, unless loading fails', async () => {
  const app = new App();
  const { tab } = fakeTab();
  app.attach(tab);
  const gone = { model: 'any', by: 'P' };
  app.target = gone;
  tab.library.load = () => Promise.reject(new TabloomError('quota-exceeded', 'Full.'));
  await expect(app.answerHere('m')).rejects.toMatchObject({ code: 'quota-exceeded' });
  expect(app.target).toBe(gone);
  tab.library.load = async () => undefined;
  await app.answerHere('m');
  expect(app.target).toEqual({ model: 'any', by: 'this-device' });
});
