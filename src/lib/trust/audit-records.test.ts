import { expect, test } from 'vitest';
import { auditId, type Accusation } from '#lib/protocol/audit.ts';
import { createSigner, signEnvelope } from '#lib/protocol/envelope.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import type { Job } from '#lib/protocol/job.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { limits } from '#lib/protocol/limits.ts';
import { checkAccusation, openAuditRecord, signAuditRecord } from './audit-records.ts';
import { chainStart } from './chain.ts';
import { commitEpoch, createEpochTree } from './epoch.ts';
import { createOutputRoot } from './output-root.ts';
import { issueReceipt, type Delivered } from './receipt.ts';

const [worker, accuser, stranger, asker] = [1, 2, 3, 4].map((n) => createSigner(new Uint8Array(32).fill(n)));
const job: Job = {
  id: '0'.repeat(32),
  artefact: 'a'.repeat(64),
  model: 'tabloom-demo',
  kind: 'chat',
  input: { messages: [{ role: 'user', content: 'Hello' }] },
  params: { maxTokens: 16 },
  tier: 'verified',
  deadlineMs: 60_000,
  salt: 'ab'.repeat(16),
};
const delivered: Delivered = {
  job,
  asker: asker!.peer,
  engine: { name: 'scripted', build: '1', deviceClass: 'wasm-cpu' },
  output: createOutputRoot(chat.outputHash).summary(),
  reason: 'stop',
  tokensIn: 9,
  timings: { queuedMs: 0, ttftMs: 1, decodeMs: 1 },
  price: { in: '0', out: '0' },
  issuedAt: 1_500,
  prevWorker: chainStart,
};
const now = 100_000;

/** An accusation of a receipt in a tree of three. */
function accuse(over: Partial<Delivered> = {}, change: (accusation: Accusation) => Partial<Accusation> = () => ({})) {
  const receipt = issueReceipt({ ...delivered, ...over }, worker!);
  const tree = createEpochTree([receipt.hash, hashRecord(1), hashRecord(2)]);
  const terms = { worker: worker!.peer, epoch: 0, from: 1_000, until: 2_000, tokens: 9, previous: chainStart };
  const epoch = commitEpoch({ ...terms, root: tree.root, count: 3 }, worker!);
  const index = tree.leaves.indexOf(receipt.hash);
  const accusation: Accusation = {
    audit: auditId(epoch.hash, index, accuser!.peer),
    accuser: accuser!.peer,
    epoch: epoch.envelope,
    receipt: receipt.envelope,
    index,
    path: [...tree.prove(index)],
    beacon: 'b'.repeat(64),
    seal: 'c'.repeat(64),
    accusedAt: now,
  };
  return { accusation: { ...accusation, ...change(accusation) }, receipt };
}
const codeOf = (accusation: Accusation, at = now) => {
  try {
    checkAccusation(accusation, at);
    return 'accepted';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test('an accusation shows a receipt in its place, of its worker and time', () => {
  const { accusation, receipt } = accuse();
  expect(checkAccusation(accusation, now)).toMatchObject({ receiptHash: receipt.hash, receipt: { tokensIn: 9 } });
  expect(codeOf(accusation, now + limits.auditClockSkewMs)).toBe('accepted');
  expect(codeOf(accusation, now + limits.auditClockSkewMs + 1)).toBe('stale-accusation');
  expect(codeOf(accusation, now - limits.auditClockSkewMs - 1)).toBe('stale-accusation');
});

test('anything that does not fit together is refused', () => {
  expect(codeOf(accuse({ issuedAt: 2_000 }).accusation)).toBe('bad-accusation');
  expect(codeOf(accuse({ issuedAt: 999 }).accusation)).toBe('bad-accusation');
  const changes: readonly ((one: Accusation) => Partial<Accusation>)[] = [
    ({ index }) => ({ index: index + 1 }),
    ({ path }) => ({ path: path.slice(1) }),
    () => ({ audit: 'd'.repeat(64) }),
    () => ({ accuser: stranger!.peer }),
    () => ({ accuser: worker!.peer }),
    () => ({ receipt: issueReceipt({ ...delivered, tokensIn: 10 }, worker!).envelope }),
    () => ({ receipt: issueReceipt(delivered, stranger!).envelope }),
  ];
  for (const change of changes) expect(codeOf(accuse({}, change).accusation)).toBe('bad-accusation');
  const forged = ({ receipt }: Accusation) => ({ receipt: { ...receipt, key: stranger!.publicKey } });
  expect(codeOf(accuse({}, forged).accusation)).toBe('bad-signature');
});

test('a record is read as it was signed, and only from whom it names', () => {
  const { accusation } = accuse();
  const envelope = signAuditRecord('accusation', accusation, accuser!);
  expect(openAuditRecord(envelope)).toEqual({ type: 'accusation', record: accusation });
  const code = (run: () => unknown) => {
    try {
      run();
      return 'none';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(code(() => signAuditRecord('accusation', accusation, stranger!))).toBe('bad-record');
  expect(code(() => signAuditRecord('accusation', { ...accusation, seal: 'x' }, accuser!))).toBe('bad-record');
  expect(code(() => openAuditRecord(signEnvelope('accusation', accusation, stranger!)))).toBe('bad-signature');
  expect(code(() => openAuditRecord({ ...envelope, type: 'reveal' }))).toBe('bad-signature');
  expect(code(() => openAuditRecord(signEnvelope('reveal', accusation, accuser!)))).toBe('bad-record');
  expect(code(() => openAuditRecord(signEnvelope('tally', accusation, accuser!)))).toBe('bad-record');
});
