import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createScriptRunner, type ScriptWorker } from './script-runner.ts';

function fixture() {
  const clock = manualClock();
  const sent: unknown[] = [];
  const ended: string[] = [];
  let worker!: ScriptWorker;
  const run = createScriptRunner({
    clock,
    spawn: () =>
      (worker = {
        postMessage: (message: unknown) => void sent.push(message),
        terminate: () => void ended.push('ended'),
        onmessage: null,
        onerror: null,
      }),
  });
  const say = (data: unknown) => worker.onmessage?.call(worker as Worker, { data } as MessageEvent);
  const stop = new AbortController();
  return { clock, sent, ended, say, stop, fail: () => worker.onerror?.call(worker as Worker, {} as ErrorEvent), run };
}

test('a script gets a worker of its own, which ends with it', async () => {
  const { run, say, sent, ended, stop } = fixture();
  const result = run('1 + 1', stop);
  expect(sent).toEqual([]);
  say('ready');
  expect(sent).toEqual(['1 + 1']);
  say({ outcome: 'done', text: '→ 2' });
  expect([await result, ended]).toEqual(['→ 2', ['ended']]);
});

test('its errors are coded, and the worker is ended then too', async () => {
  for (const [outcome, code] of [
    ['failed', 'script-failed'],
    ['too-slow', 'script-too-slow'],
  ] as const) {
    const { run, say, ended, stop } = fixture();
    const result = run('', stop);
    say('ready');
    say({ outcome, text: 'x is not defined' });
    await expect(result).rejects.toMatchObject({ code, message: expect.stringContaining('x is not defined') });
    expect(ended).toEqual(['ended']);
  }
});

test('one that does not load, or is not heard of again, is ended', async () => {
  const [missing, slow, silent] = [fixture(), fixture(), fixture()];
  const results = [missing, slow, silent].map(({ run, stop }) => run('', stop));
  for (const result of results) result.catch(() => undefined);
  missing.fail();
  await slow.clock.advance(30_000);
  silent.say('ready');
  await silent.clock.advance(4_000);
  await expect(results[0]).rejects.toMatchObject({ code: 'part-missing' });
  await expect(results[1]).rejects.toMatchObject({ code: 'part-missing' });
  await expect(results[2]).rejects.toMatchObject({ code: 'script-too-slow' });
  expect([missing.ended, slow.ended, silent.ended]).toEqual([['ended'], ['ended'], ['ended']]);
});

test('Stop ends it at once', async () => {
  const { run, say, ended, stop } = fixture();
  const result = run('for (;;) {}', stop);
  say('ready');
  stop.abort();
  await expect(result).rejects.toMatchObject({ code: 'aborted' });
  expect(ended).toEqual(['ended']);
});
