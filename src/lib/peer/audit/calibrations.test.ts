import { expect, test } from 'vitest';
import { runPending } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { calibrationRowsSchema } from '#lib/trust/calibration.ts';
import { createAuditBook } from '../tiers/audits.ts';
import { signerOf } from '../town.fixture.ts';
import type { AuditOutcomeEffect } from './auditing.ts';
import { createBookStore } from './book-store.ts';
import { openCalibrations } from './calibrations.ts';
import { judgeBy } from './judge.ts';
import { noteAudits } from './note-audits.ts';

const here = { name: 'llama', build: '7', deviceClass: 'native-cpu' };
const tab = { name: 'wllama', build: '2', deviceClass: 'wasm-cpu' };
const answered = (number: number, engine = tab) => ({
  worker: signerOf(number).peer,
  artefact: 'a'.repeat(64),
  engine,
});
let answers = 0;
/** Each a receipt of its own. */
const receiptOf = (number: number, engine = tab) => ({
  hash: (++answers).toString(16).padStart(16, '0').padEnd(64, '0'),
  record: answered(number, engine),
});
/** A near tie in a thousand tokens, as honest kernels have. */
const honest = (tokens: number) => Array.from({ length: tokens }, (_, at) => (at % 1_000 === 7 ? 0.05 : 0));

async function opened(storage = createMemoryStorage()) {
  const state: { engine: typeof here | undefined } = { engine: here };
  const calibrations = await openCalibrations({ storage, logger: silentLogger, scoredBy: () => state.engine });
  return { storage, calibrations, state };
}

test('a pair is calibrated by four workers at least, and nobody is judged by its own answers', async () => {
  const { calibrations, state } = await opened();
  for (const number of [1, 2, 3]) calibrations.learn(receiptOf(number), honest(30_000));
  expect(calibrations.of(answered(9))).toBeUndefined();
  calibrations.learn(receiptOf(4), honest(4_000));
  expect(calibrations.of(answered(9))).toBeUndefined();
  calibrations.learn(receiptOf(4), honest(1_000));
  expect(calibrations.of(answered(9))).toMatchObject({ tokens: 95_000, max: 0.05, mean: expect.closeTo(5e-5, 9) });
  expect(calibrations.of(answered(4))).toBeUndefined();
  const [taught] = calibrations.rows();
  expect(calibrationRowsSchema.parse([taught])).toMatchObject([{ worker: { engine: 'wllama' }, tokens: 95_000 }]);
  // Another build of either, or another model, is another pair.
  expect(calibrations.of(answered(9, { ...tab, build: '3' }))).toBeUndefined();
  expect(calibrations.of({ ...answered(9), artefact: 'b'.repeat(64) })).toBeUndefined();
  state.engine = { ...here, build: '8' };
  expect(calibrations.of(answered(9))).toBeUndefined();
  state.engine = undefined;
  expect(calibrations.of(answered(9))).toBeUndefined();
});

test('it goes on after a restart, and what a worker taught ends with its conviction', async () => {
  const { calibrations, storage } = await opened();
  for (const number of [1, 2, 3, 4, 5]) calibrations.learn(receiptOf(number), honest(5_000));
  calibrations.learn(receiptOf(5), [0.3]);
  await runPending();
  const { calibrations: again } = await opened(storage);
  expect(again.of(answered(9))).toMatchObject({ tokens: 25_001, max: 0.3 });
  again.forget(signerOf(5).peer);
  expect(again.of(answered(9))).toMatchObject({ tokens: 20_000, max: 0.05 });
  again.forget(signerOf(1).peer);
  expect(again.of(answered(9))).toBeUndefined();
});

test('an answer that is scored again after a restart has taught what it had to', async () => {
  const { calibrations, storage } = await opened();
  const last = receiptOf(4);
  for (const number of [1, 2, 3]) calibrations.learn(receiptOf(number), honest(5_000));
  calibrations.learn(last, honest(5_000));
  await runPending();
  const { calibrations: again } = await opened(storage);
  again.learn(last, honest(5_000));
  expect(again.of(answered(9))).toMatchObject({ tokens: 20_000 });
  again.learn(receiptOf(4), honest(5_000));
  expect(again.of(answered(9))).toMatchObject({ tokens: 25_000 });
});

test('what is stored and does not fit is passed over', async () => {
  const storage = createMemoryStorage();
  await storage.put('receipts', 'audit/calibration/1/any', { artefact: 'a', parts: [{ tokens: -1 }] });
  const { calibrations } = await opened(storage);
  expect(calibrations.of(answered(9))).toBeUndefined();
});

/** Five honest workers, and one whose answers have a margin of 0.1 in each 250 tokens, which no single test sees. */
async function watched(isCalibrated: boolean) {
  const { calibrations, storage } = await opened();
  const book = createAuditBook();
  const store = createBookStore({ storage, logger: silentLogger });
  const onEffect = await noteAudits(signerOf(50).peer, book, store, isCalibrated ? calibrations : undefined);
  let hash = 0;
  const score = (number: number, margins: readonly number[]) => {
    const scores = margins.map((margin) => ({ logprob: -margin, best: 0 }));
    const record = { ...answered(number), reason: 'stop', tokensOut: scores.length };
    const job = { input: {}, params: { maxTokens: 2_000, temperature: 0 } };
    const judged = judgeBy(calibrations.of)(scores, job as never, record as never);
    const receipt = { hash: (++hash).toString(16).padStart(16, '0').padEnd(64, '0'), record };
    onEffect({ of: 'score', counts: 'both', judged, receipt } as unknown as AuditOutcomeEffect);
    return judged;
  };
  for (const number of [1, 2, 3, 4, 5]) for (let count = 0; count < 8; count++) score(number, honest(1_000));
  return { book, score, calibrations };
}
const subtle = Array.from({ length: 250 }, (_, at) => (at === 100 ? 0.1 : 0));

test('a subtle cheat is found by its series with a calibration, and not without; the honest are not', async () => {
  for (const isCalibrated of [true, false]) {
    const { book, score } = await watched(isCalibrated);
    let tokens = 0;
    while ((book.of(signerOf(9).peer)?.convictions ?? 0) === 0 && tokens < 20_000) {
      expect(score(9, subtle).verdict).not.toBe('failed');
      tokens += subtle.length;
    }
    expect(tokens).toBe(isCalibrated ? 1_750 : 20_000);
    for (const number of [1, 2, 3, 4, 5]) expect(book.of(signerOf(number).peer)?.convictions).toBe(0);
  }
});

test('an answer beyond the calibration is undecided, which accuses nobody, and counts in the series alone', async () => {
  const { book, score, calibrations } = await watched(true);
  const before = calibrations.of(answered(8));
  const beyond = Array.from({ length: 40 }, (_, at) => (at < 3 ? 0.1 : 0));
  expect(score(9, beyond)).toMatchObject({ verdict: 'undecided', isBeyond: true });
  expect(book.of(signerOf(9).peer)).toMatchObject({ audited: 0, convictions: 0 });
  expect(calibrations.of(answered(8))).toEqual(before);
});
