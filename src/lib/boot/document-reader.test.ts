import { expect, test } from 'vitest';
import type { DocumentKind } from '#lib/state/tab.ts';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createDocumentReader, type DocumentWorker } from './document-reader.ts';

function fixture() {
  const clock = manualClock();
  const sent: unknown[] = [];
  const ended: string[] = [];
  let worker!: DocumentWorker;
  const spawn = () =>
    (worker = {
      postMessage: (message: unknown) => void sent.push(message),
      terminate: () => void ended.push('ended'),
      onmessage: null,
      onerror: null,
    });
  const read = createDocumentReader({
    clock,
    spawn: { pdf: spawn, office: spawn },
  });
  const say = (data: unknown) => worker.onmessage?.call(worker as Worker, { data } as MessageEvent);
  const fail = () => worker.onerror?.call(worker as Worker, {} as ErrorEvent);
  const stop = new AbortController();
  return {
    clock,
    sent,
    ended,
    say,
    fail,
    stop,
    read: (kind: DocumentKind = 'pdf') => read(kind, Uint8Array.of(1), stop),
  };
}

test('a file gets a worker of its own once that has loaded, and what the parser says to itself is not its answer', async () => {
  const { read, say, sent, ended } = fixture();
  const result = read();
  say({ sourceName: 'worker', action: 'ready' });
  expect(sent).toEqual([]);
  say('loaded');
  expect(sent).toMatchObject([{ file: Uint8Array.of(1), limits: { partsMax: 2_000 } }]);
  say({ outcome: 'done', text: 'a', pages: [0] });
  expect([await result, ended]).toEqual([{ text: 'a', pages: [0] }, ['ended']]);
});

test('why it could not be read is told by a code, and the worker is ended', async () => {
  const ofOffice = ['broken', 'locked', 'old', 'unknown', 'no-text', 'too-long', 'too-large'];
  for (const [kind, outcome] of [
    ...['broken', 'locked', 'no-text', 'too-long'].map((one) => ['pdf', one] as const),
    ...ofOffice.map((one) => ['office', one] as const),
  ]) {
    const { read, say, ended } = fixture();
    const result = read(kind);
    result.catch(() => undefined);
    say('loaded');
    say({ outcome });
    await expect(result).rejects.toMatchObject({ code: `${kind}-${outcome}`, message: expect.stringMatching(/ /) });
    expect(ended).toEqual(['ended']);
  }
});

test('one that does not load, is not heard of again, or is no longer wanted, is ended', async () => {
  const [missing, slow, silent, stopped] = [fixture(), fixture(), fixture(), fixture()];
  const results = [missing, slow, silent, stopped].map(({ read }) => read());
  for (const result of results) result.catch(() => undefined);
  missing.fail();
  await slow.clock.advance(30_000);
  silent.say('loaded');
  await silent.clock.advance(60_000);
  stopped.stop.abort();
  const codes = await Promise.all(results.map((result) => result.catch((error: { code: string }) => error.code)));
  expect(codes).toEqual(['part-missing', 'part-missing', 'pdf-too-slow', 'aborted']);
  expect([missing, slow, silent, stopped].flatMap(({ ended }) => ended)).toHaveLength(4);
});
