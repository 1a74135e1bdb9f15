import { expect, test } from 'vitest';
import { resumeOverLibp2p } from '../resume/libp2p.ts';

test('five worker processes killed or frozen in the middle of an answer: nothing is lost, nothing doubled', async () => {
  const report = await resumeOverLibp2p({ kills: 5, pauses: 'any' });
  expect(report.complaints).toEqual([]);
  expect(report).toMatchObject({ kills: 5, receipts: 5 });
}, 180_000);
