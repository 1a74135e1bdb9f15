import { expect, test } from 'vitest';
import type { JobEvent } from '#lib/peer/spec.ts';
import { watchBadge } from './badge.ts';

const event = (type: JobEvent['type']) => ({ type, at: 1 }) as JobEvent;

function desk() {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const shown: (number | 'none')[] = [];
  const badge = watchBadge(page as unknown as Document, {
    setAppBadge: async (count) => void shown.push(count),
    clearAppBadge: async () => void shown.push('none'),
  });
  const turn = (to: 'visible' | 'hidden') => {
    page.visibilityState = to;
    page.dispatchEvent(new Event('visibilitychange'));
  };
  return { badge, shown, turn };
}

test('answers that end out of sight are counted until the page is seen', () => {
  const { badge, shown, turn } = desk();
  turn('hidden');
  for (const type of ['part-received', 'job-finished', 'job-failed', 'job-cancelled'] as const) badge.note(event(type));
  expect(shown).toEqual([1, 2]);
  turn('visible');
  turn('hidden');
  badge.note(event('job-finished'));
  expect(shown).toEqual([1, 2, 'none', 1]);
});

test('what ends in sight is no news, and without any the badge is left alone', () => {
  const { badge, shown, turn } = desk();
  badge.note(event('job-finished'));
  turn('hidden');
  turn('visible');
  expect(shown).toEqual([]);
});

test('a browser without badges, or one that refuses them, is no failure', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' }) as unknown as Document;
  watchBadge(page, {}).note(event('job-finished'));
  watchBadge(page, { setAppBadge: () => Promise.reject(new Error('no')) }).note(event('job-finished'));
  await Promise.resolve();
});

test('once stopped it clears nothing', () => {
  const { badge, shown, turn } = desk();
  turn('hidden');
  badge.note(event('job-finished'));
  badge.stop();
  turn('visible');
  expect(shown).toEqual([1]);
});
