import { expect, test } from 'vitest';
import type { Dispute } from './court.ts';
import { disputeToJudge } from './judging.ts';

const dispute = (id: bigint, penalty: bigint, phase: Dispute['phase'] = 'voting') =>
  ({ id, penalty, phase }) as Partial<Dispute> as Dispute;

test('the dearest dispute over a receipt is voted on, so that a cheap verdict is in no way of it', () => {
  expect(disputeToJudge([dispute(1n, 100n), dispute(2n, 1_000n, 'answering'), dispute(3n, 500n)])?.id).toBe(2n);
  expect(disputeToJudge([dispute(2n, 1_000n), dispute(1n, 1_000n)])?.id).toBe(1n);
});

test('none that is over, or waits for an appeal', () => {
  expect(disputeToJudge([dispute(1n, 1_000n, 'ended'), dispute(2n, 900n, 'appealable')])).toBeUndefined();
  expect(disputeToJudge([dispute(1n, 1_000n, 'ended'), dispute(2n, 100n)])?.id).toBe(2n);
  expect(disputeToJudge([])).toBeUndefined();
});
