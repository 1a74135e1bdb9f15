import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import type { AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { kernelOf } from '#lib/trust/calibration.ts';
import { openOwnRecord } from './own-record.ts';

type Scored = Extract<AuditOutcomeEffect, { readonly of: 'score' }>;

const engine = { name: 'llama', build: '1', deviceClass: 'native-cpu' };
const artefact = 'a'.repeat(64);
const params = { maxTokens: 64, temperature: 0 };
const receipt = { artefact, engine, worker: 'worker', reason: 'stop', tokensOut: 40, params } as unknown as Receipt;
const job = { artefact, kind: 'chat', tier: 'open', input: { messages: [] }, params } as unknown as Job;
const scoresOf = (margin: number) =>
  Array.from({ length: 40 }, (_, at) => ({ logprob: at === 7 ? -0.1 - margin : -0.1, best: -0.1 }));

test('what the network has published a relay judges by from its first canary on: it doubts, looks more often, and adds up', async () => {
  const published = [
    { artefact, worker: kernelOf(engine), validator: kernelOf(engine), tokens: 20_000, mean: 0, sd: 0, max: 0 },
  ];
  const common = { self: 'relay', logger: silentLogger, scoredBy: () => engine };
  const record = await openOwnRecord({ ...common, storage: createMemoryStorage(), published });
  const note = (at: number, margin: number) => {
    const judged = record.ownJudge(scoresOf(margin), job, receipt);
    const hash = at.toString(16).padStart(64, '0');
    const opened = { hash, record: receipt } as unknown as Scored['receipt'];
    record.onEffect({ of: 'score', counts: 'both', judged, receipt: opened });
    return judged.verdict;
  };
  expect([note(1, 0), note(2, 0), note(3, 0.1), note(4, 0)]).toEqual(['passed', 'passed', 'undecided', 'passed']);
  expect(record.known('worker')).toMatchObject({ audited: 3, sinceDoubt: 1, convictions: 0 });
  expect(note(5, 0.6)).toBe('failed');
  for (let at = 6; at < 30; at++) note(at, 0.1);
  expect(record.known('worker')).toMatchObject({ sinceDoubt: 0, convictions: 1 });

  const bare = await openOwnRecord({ ...common, storage: createMemoryStorage(), published: [] });
  expect(bare.ownJudge(scoresOf(0.6), job, receipt).verdict).toBe('passed');
});
