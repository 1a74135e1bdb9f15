import { toHex } from '#lib/base/bytes.ts';
import type { Accusation, Reveal } from '#lib/protocol/audit.ts';
import { auditId } from '#lib/protocol/audit.ts';
import type { AuditFrame, AuditRequest } from '#lib/protocol/audit-frame.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { signAuditRecord } from '#lib/trust/audit-records.ts';
import { pickLeaves } from '#lib/trust/beacon.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { commitEpoch, createEpochTree } from '#lib/trust/epoch.ts';
import { receiptHash } from '#lib/trust/receipt.ts';
import { commitmentOf, sealOf } from '#lib/trust/vote.ts';
import * as from from './records.ts';

/** An audit of the receipt of all vectors, from its epoch to the worker's appeal. */
const accuserSeed = new Uint8Array(32).fill(4);
const validatorSeed = new Uint8Array(32).fill(5);
const [accuser, validator] = [createSigner(accuserSeed), createSigner(validatorSeed)];
const { receipt } = from.envelopes;
const salt = new Uint8Array(32).fill(6);

const tree = createEpochTree([receiptHash(receipt), ...[1, 2, 3, 4].map((n) => hashRecord(n))]);
const epoch = {
  worker: from.worker.peer,
  epoch: 0,
  from: 1_700_000_000_000,
  until: 1_700_003_600_000,
  root: tree.root,
  count: tree.leaves.length,
  tokens: 25,
  previous: chainStart,
};
const committed = commitEpoch(epoch, from.worker);
const index = tree.leaves.indexOf(receiptHash(receipt));
const audit = auditId(committed.hash, index, accuser.peer);
const draw = { beacon: 'ab'.repeat(32), randomness: new Uint8Array(32).fill(8) };
const share = 400_000;

const release = {
  jobId: from.job.id,
  receipt: receiptHash(receipt),
  asker: from.asker.peer,
  releasedAt: 1_700_000_000_500,
};
const accusation: Accusation = {
  audit,
  accuser: accuser.peer,
  epoch: committed.envelope,
  receipt,
  index,
  path: [...tree.prove(index)],
  beacon: draw.beacon,
  seal: sealOf(audit, salt, 'real'),
  accusedAt: 1_700_003_700_000,
};
const sitting = { audit, round: 1, sitting: 1, validator: validator.peer } as const;
const reveal: Reveal = {
  ...sitting,
  salt,
  verdict: 'guilty',
  values: [-0.125, -12.5, 0],
  engine: 'llama.cpp 8000, x64',
};
const vote = { ...sitting, commitment: commitmentOf(reveal) };
const unsealing = { audit, accuser: accuser.peer, salt, truth: 'real' } as const;
const appeal = { audit, worker: from.worker.peer, appealedAt: 1_700_003_800_000 };
const signedRelease = signAuditRecord('release', release, from.asker);

/** Name, envelope, seed and record, each. */
export const auditEnvelopes = [
  ['epoch', committed.envelope, from.workerSeed, epoch],
  ['release', signedRelease, from.askerSeed, release],
  ['accusation', signAuditRecord('accusation', accusation, accuser), accuserSeed, accusation],
  ['commitment', signAuditRecord('commitment', vote, validator), validatorSeed, vote],
  ['reveal', signAuditRecord('reveal', reveal, validator), validatorSeed, reveal],
  ['unsealing', signAuditRecord('unsealing', unsealing, accuser), accuserSeed, unsealing],
  ['appeal', signAuditRecord('appeal', appeal, from.worker), from.workerSeed, appeal],
] as const;

export const auditRequests: Readonly<Record<string, AuditRequest>> = {
  'open-leaves': { t: 'open-leaves', epoch: committed.hash, indices: [0, 16_383], receipts: [receiptHash(receipt)] },
  show: { t: 'show', audit },
};

export const auditFrames: Readonly<Record<string, AuditFrame>> = {
  leaf: { t: 'leaf', index, receipt, path: accusation.path },
  absent: { t: 'absent', receipt: receiptHash(receipt) },
  released: { t: 'released', release: signedRelease, job: from.job, parts: [...from.parts] },
  'refused, an audit': { t: 'refused', code: 'busy', message: 'Ask again later.' },
};

export const auditHashes = {
  leaves: tree.leaves,
  draw: { beacon: draw.beacon, randomness: toHex(draw.randomness), share },
  picked: pickLeaves(draw, epoch, share),
};
