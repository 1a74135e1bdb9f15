import { expect, test } from 'vitest';
import { z } from 'zod';
import { filesOf, maxTokensOf, needsOf, parseJob, promptLength, rowOf, type Job, type Work } from './job.ts';
import type { JobKind } from './kinds/spec.ts';
import { jobKinds } from './kinds/table.ts';
import { limits } from './limits.ts';
import { foldOutput } from './output.ts';
import { jobFixture, paymentFixture } from './protocol.fixture.ts';

const version = expect.objectContaining({ code: 'version' });
const badFrame = expect.objectContaining({ code: 'bad-frame' });
const file = (n: number, sizeBytes = 1) => ({ mime: 'image/png', sha256: n.toString(16).padStart(64, '0'), sizeBytes });

test('a job survives a round trip, minus unknown members outside its input and params', () => {
  expect(parseJob(jobFixture)).toEqual(jobFixture);
  expect(parseJob({ ...jobFixture, colour: 'red' })).toEqual(jobFixture);
  expect(parseJob({ ...jobFixture, resume: { text: 'a', tokens: 1, ids: [7], mood: 1 } })).toEqual({
    ...jobFixture,
    resume: { text: 'a', tokens: 1, ids: [7] },
  });
});

test('an unknown kind and an unknown word in `must` are refused with `version`', () => {
  for (const over of [{ kind: 'video' }, { kind: 'constructor' }, { must: ['sealed'] }, { kind: 'video', input: 7 }]) {
    expect(() => parseJob({ ...jobFixture, ...over })).toThrow(version);
  }
  for (const over of [{ kind: 'Video' }, { kind: 7 }, { kind: undefined }, { must: 'sealed' }, { must: ['Sealed'] }]) {
    expect(() => parseJob({ ...jobFixture, ...over })).toThrow(badFrame);
  }
  expect(parseJob({ ...jobFixture, must: [] })).toEqual({ ...jobFixture, must: [] });
});

test('any word is a valid tier; the head’s limits hold', () => {
  expect(parseJob({ ...jobFixture, tier: 'audited' }).tier).toBe('audited');
  const ids = (length: number) => ({ resume: { text: '', tokens: 0, ids: Array(length).fill(2 ** 32 - 1) } });
  const edges: readonly (readonly [object, object])[] = [
    [{ resume: { text: '', tokens: limits.maxTokensMax } }, { resume: { text: '', tokens: limits.maxTokensMax + 1 } }],
    [ids(limits.maxTokensMax), ids(limits.maxTokensMax + 1)],
    [{ budget: '9'.repeat(30) }, { budget: '01' }],
    [{ payment: paymentFixture }, { payment: { ...paymentFixture, price: undefined } }],
    [{ payment: paymentFixture }, { payment: { ...paymentFixture, terms: { ...paymentFixture.terms, salt: '0x' } } }],
    [{ model: 'ein Modell' }, { model: 'ein\u202eModell' }],
    [{ must: Array(0) }, { must: Array(17).fill('a') }],
  ];
  for (const [inside, outside] of edges) {
    expect(() => parseJob({ ...jobFixture, ...inside })).not.toThrow();
    expect(() => parseJob({ ...jobFixture, ...outside })).toThrow(badFrame);
  }
});

test('files are listed once each, in order of first mention', () => {
  const image: Work = {
    kind: 'image',
    input: { prompt: 'x', images: [file(2), file(1), file(2), file(3)] },
    params: { width: 64, height: 64 },
  };
  expect(filesOf(image)).toEqual([file(2), file(1), file(3)]);
  expect(filesOf(jobFixture)).toEqual([]);
  const job = (...images: object[]) => ({ ...jobFixture, ...image, input: { prompt: 'x', images } });
  expect(() => parseJob(job(file(1, 5), file(1, 5)))).not.toThrow();
  expect(() => parseJob(job(file(1, 5), file(1, 6)))).toThrow(badFrame);
  expect(() => parseJob(job(file(1, limits.blobBytesMax)))).not.toThrow();
  expect(() => parseJob(job(file(1, limits.blobBytesMax), file(2)))).toThrow(badFrame);
});

test('what a job requires of a worker', () => {
  const resumed = { ...jobFixture, resume: { text: 'abc', tokens: 1 } } as Job;
  expect(promptLength(resumed) - promptLength(jobFixture)).toBe(3);
  expect(maxTokensOf(jobFixture)).toBe(64);
  expect(maxTokensOf({ params: {} })).toBeUndefined();
  expect(needsOf(jobFixture)).toEqual([]);
});

test('a kind added to a table is known there and nowhere else', () => {
  const input = z.strictObject({ text: z.string() });
  const reverse = {
    ...jobKinds.completion,
    kind: 'reverse',
    input,
    params: z.strictObject({}),
    fold: foldOutput,
    needs: () => [],
    promptLength: ({ text }) => text.length,
    blobs: () => [],
  } as const satisfies JobKind<'reverse', typeof input>;
  const kinds = { ...jobKinds, reverse };
  const job = { ...jobFixture, kind: 'reverse', input: { text: 'abc' }, params: {} };
  const read = parseJob(job, kinds);
  expect(read).toEqual(job);
  expect(rowOf(read, kinds)).toBe(reverse);
  expect(promptLength(read, kinds)).toBe(3);
  expect(() => parseJob(job)).toThrow(version);
  expect(() => parseJob({ ...job, input: { text: 'abc', twice: true } }, kinds)).toThrow(version);
});
