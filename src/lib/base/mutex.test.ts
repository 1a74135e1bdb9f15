import { expect, test } from 'vitest';
import { createMutex, createMutexes } from './mutex.ts';

test('tasks run one at a time, in the order in which they were given', async () => {
  const mutex = createMutex();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run(async () => {
    log.push('first begins');
    await gate.promise;
    log.push('first ends');
    return 1;
  });
  const second = mutex.run(() => (log.push('second'), 2));
  await Promise.resolve();
  expect([log, mutex.pending]).toEqual([['first begins'], 2]);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  expect(log).toEqual(['first begins', 'first ends', 'second']);
});

test('a task that fails or throws rejects its own caller and holds up none after it', async () => {
  const mutex = createMutex();
  const failing = mutex.run(() => Promise.reject(new Error('rejected')));
  const throwing = mutex.run(() => {
    throw new Error('thrown');
  });
  const fine = mutex.run(() => 'fine');
  await expect(failing).rejects.toThrow('rejected');
  await expect(throwing).rejects.toThrow('thrown');
  expect(await fine).toBe('fine');
});

test('idle waits for what was given before it, failed or not, and nothing is pending then', async () => {
  const mutex = createMutex();
  await mutex.idle();
  let over = false;
  void mutex.run(async () => {
    await Promise.resolve();
    over = true;
  });
  mutex.run(() => Promise.reject(new Error('no'))).catch(() => undefined);
  expect(mutex.pending).toBe(2);
  await mutex.idle();
  expect([over, mutex.pending]).toEqual([true, 0]);
});

test('tasks of one key wait for each other, those of another do not, and no key is kept', async () => {
  const mutexes = createMutexes<string>();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutexes.run('a', () => gate.promise.then(() => log.push('a1')));
  const second = mutexes.run('a', () => log.push('a2'));
  const failing = mutexes.run('b', () => Promise.reject(new Error('no')));
  await mutexes.run('c', () => log.push('c'));
  await expect(failing).rejects.toThrow('no');
  expect([log, mutexes.size]).toEqual([['c'], 1]);
  gate.resolve();
  await Promise.all([first, second]);
  expect([log, mutexes.size]).toEqual([['c', 'a1', 'a2'], 0]);
});
