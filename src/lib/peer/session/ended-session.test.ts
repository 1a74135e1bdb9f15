import { expect, test } from 'vitest';
import { answerOf } from './ended-session.ts';
import { createFrameLog, type AnswerFrame } from './frame-log.ts';
import type { WorkerSession } from './worker-runner.ts';
import { initialWorker } from './worker-spec.ts';

const text = (piece: string): AnswerFrame => ({ t: 'part', part: { type: 'text-delta', text: piece, tokens: 1 } });

test('what is left on record is the joined answer, and nothing of the session that made it', () => {
  const log = createFrameLog();
  const ending = { t: 'error', code: 'deadline', message: 'Too late.' } as const;
  for (const frame of [text('one '), text('two'), ending]) log.append(frame);
  // Its channel still reads it when it ends, so that the log itself cannot be joined.
  const reader = log.read();
  reader.next();
  log.compact();
  const session = {
    jobId: '1'.repeat(32),
    state: { ...initialWorker, phase: 'over', ending },
    bytes: log.bytes,
    read: log.read,
    takeFile: () => expect.fail('it is over'),
  } as unknown as WorkerSession;

  const answer = answerOf(session);
  const again = answer.read();
  expect(again.next()).toEqual({ t: 'part', part: { type: 'text-delta', text: 'one two', tokens: 2 } });
  expect(again.next()).toBe(answer.state.ending);
  expect(again.next()).toBeUndefined();
  expect(answer.bytes).toBeLessThan(session.bytes);
  answer.takeFile('', new Uint8Array());
  expect(Object.values(answer)).not.toContain(session);
});
