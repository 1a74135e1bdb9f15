import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.ts';
import type { Job } from '#lib/protocol/job.ts';
import { createJobRecords, jobFingerprint } from './job-record.ts';
import { job } from './peer.fixture.ts';

const bounds = { recordsMax: 3, ttlMs: 1_000, bytesMax: 10_000 };
const ending = { t: 'error', code: 'engine-failed', message: 'no' } as const;

test('a record is found by its asker, its id and where it begins', () => {
  const records = createJobRecords(manualClock());
  const asked = job();
  const record = records.open('A', asked);
  expect(records.find('A', { ...asked })).toBe(record);
  expect(records.find('B', asked)).toBeUndefined();
  expect(records.find('A', { ...asked, resume: { text: 'x', tokens: 4 } })).toBeUndefined();
  expect(records.liveOf('A', asked.id)).toEqual([record]);
});

test('the fingerprint is that of the work, not of the patience', () => {
  const asked = job();
  expect(jobFingerprint({ ...asked, deadlineMs: 5 })).toBe(jobFingerprint(asked));
  expect(jobFingerprint({ ...asked, salt: '1'.repeat(32) })).not.toBe(jobFingerprint(asked));
  expect(jobFingerprint({ ...asked, params: { maxTokens: 1 } } as Job)).not.toBe(jobFingerprint(asked));
  expect(Object.values(createJobRecords(manualClock()).open('A', asked)).join()).not.toContain('hello');
});

test('old and surplus records go, those that run never', async () => {
  const clock = manualClock();
  const records = createJobRecords(clock, bounds);
  const [running, ...ended] = Array.from({ length: 4 }, () => job());
  records.open('A', running!);
  for (const asked of ended) records.open('A', asked).end(ending);
  expect(records.size).toBe(3);
  records.open('A', job()).end(ending);
  expect(records.size).toBe(3);
  expect(records.find('A', running!)).toBeDefined();
  await clock.advance(2_000);
  expect(records.find('A', ended[2]!)).toBeUndefined();
  expect(records.find('A', running!)).toBeDefined();
  expect(records.size).toBe(1);
});

test('remembered answers are bounded by their bytes', () => {
  const records = createJobRecords(manualClock(), { ...bounds, recordsMax: 100 });
  const asked = Array.from({ length: 5 }, () => job());
  for (const one of asked) {
    const record = records.open('A', one);
    record.log.append({ type: 'text-delta', text: 'x'.repeat(4_000), tokens: 1 });
    record.end(ending);
  }
  expect(records.find('A', asked[0]!)).toBeUndefined();
  expect(records.find('A', asked[4]!)).toBeDefined();
});

test('one asker’s many jobs push out its own records, by number and by bytes', () => {
  const records = createJobRecords(manualClock(), { ...bounds, recordsMax: 10 });
  const honest = job();
  records.open('honest', honest).end(ending);
  for (let i = 0; i < 20; i++) records.open('busy', job()).end(ending);
  expect(records.size).toBe(10);
  expect(records.find('honest', honest)).toBeDefined();
  for (let i = 0; i < 5; i++) {
    const record = records.open('wordy', job());
    record.log.append({ type: 'text-delta', text: 'x'.repeat(4_000), tokens: 1 });
    record.end(ending);
  }
  expect(records.find('honest', honest)).toBeDefined();
});

test('the first ending counts', () => {
  const record = createJobRecords(manualClock()).open('A', job());
  record.end(ending);
  record.end({ t: 'refused', code: 'busy', message: 'later' });
  expect(record.ending).toBe(ending);
});
