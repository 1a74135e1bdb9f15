import { expect, test } from 'vitest';
import { createNotifier } from './notifier.ts';

test('a notification wakes all who wait, and none who come later', async () => {
  const notifier = createNotifier();
  notifier.notify();
  const woken: string[] = [];
  const wait = (name: string) => notifier.wait().then(() => woken.push(name));
  const [first, second] = [wait('first'), wait('second')];
  notifier.notify();
  void wait('late');
  await Promise.all([first, second]);
  expect(woken).toEqual(['first', 'second']);
});

test('a wait ends with its signal, and is not woken after that', async () => {
  const notifier = createNotifier();
  const stop = new AbortController();
  const waiting = notifier.wait({ signal: stop.signal });
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  notifier.notify();
  await expect(notifier.wait({ signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
});
