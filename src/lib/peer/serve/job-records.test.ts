import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createJobRecords, firstToken, jobFingerprint, type JobRecords } from './job-records.ts';
import type { Job } from '#lib/protocol/job.ts';
import { job } from '../peer.fixture.ts';
import type { WorkerSession } from '../session/worker-runner.ts';

const bounds = { recordsMax: 3, ttlMs: 1_000, bytesMax: 10_000 };

/** Opened now, with an answer of so many bytes. */
function open(records: JobRecords, asker: string, asked: Job, at = manualClock().now(), bytes = 10) {
  const record = {
    asker,
    jobId: asked.id,
    fromToken: firstToken(asked),
    fingerprint: jobFingerprint(asked),
    openedAt: at,
    session: { bytes } as WorkerSession,
  };
  records.add(record);
  return record;
}

test('a record is found by its asker, its id and where it begins', () => {
  const records = createJobRecords(manualClock());
  const asked = job();
  const record = open(records, 'A', asked);
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
  expect(Object.values(open(createJobRecords(manualClock()), 'A', asked)).join()).not.toContain('hello');
});

test('an ended job is found with the answer it left, not with its session', () => {
  const records = createJobRecords(manualClock(), bounds);
  const asked = job();
  const record = open(records, 'A', asked, undefined, 20_000);
  const answer = { bytes: 10 } as WorkerSession;
  records.close(record, answer);
  expect(records.find('A', asked)?.session).toBe(answer);
  expect(records.live()).toEqual([]);
  records.close(record, record.session);
  expect(records.find('A', asked)?.session).toBe(answer);
  records.forget(records.find('A', asked)!);
  expect(records.size).toBe(0);
});

test('old and surplus records go, those that run never', async () => {
  const clock = manualClock();
  const records = createJobRecords(clock, bounds);
  const [running, ...ended] = Array.from({ length: 4 }, () => job());
  open(records, 'A', running!);
  for (const asked of ended) records.close(open(records, 'A', asked));
  expect(records.size).toBe(3);
  records.close(open(records, 'A', job()));
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
  for (const one of asked) records.close(open(records, 'A', one, undefined, 4_000));
  expect(records.find('A', asked[0]!)).toBeUndefined();
  expect(records.find('A', asked[4]!)).toBeDefined();
});

test('one asker’s many jobs push out its own records, by number and by bytes', () => {
  const records = createJobRecords(manualClock(), { ...bounds, recordsMax: 10 });
  const honest = job();
  records.close(open(records, 'honest', honest));
  for (let i = 0; i < 20; i++) records.close(open(records, 'busy', job()));
  expect(records.size).toBe(10);
  expect(records.find('honest', honest)).toBeDefined();
  for (let i = 0; i < 5; i++) records.close(open(records, 'wordy', job(), undefined, 4_000));
  expect(records.find('honest', honest)).toBeDefined();
});

test('closing twice, and forgetting what is forgotten, change nothing', () => {
  const records = createJobRecords(manualClock(), bounds);
  const record = open(records, 'A', job());
  expect(records.openOf('A')).toBe(1);
  records.close(record);
  records.close(record);
  expect([records.openOf('A'), records.size, records.live()]).toEqual([0, 1, []]);
  records.forget(record);
  records.forget(record);
  expect(records.size).toBe(0);
});
