import { fork } from 'node:child_process';
import { expect, test } from 'vitest';

test('a process with a relay and two WebRTC peers stops cleanly, and sits no timeout out', async () => {
  const child = fork(new URL('stop-by-itself.ts', import.meta.url).pathname, { stdio: 'pipe', execArgv: [] });
  let errors = '';
  child.stderr!.on('data', (chunk: Buffer) => (errors += String(chunk)));
  let told: { path: string; satOutMs: number[] } | undefined;
  child.on('message', (message) => (told = message as typeof told));
  const ended = await new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  expect({ ended, errors }).toEqual({ ended: { code: 0, signal: null }, errors: '' });
  expect(['direct', 'relayed']).toContain(told!.path);
  expect(told!.satOutMs).toEqual([]);
});
