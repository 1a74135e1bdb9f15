import type { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import {
  accusationSchema,
  appealSchema,
  auditId,
  releaseSchema,
  revealSchema,
  unsealingSchema,
  voteCommitmentSchema,
  type Accusation,
} from '#lib/protocol/audit.ts';
import { parseRecord } from '#lib/protocol/cbor.ts';
import { openEnvelope, signEnvelope, type Envelope, type Signer } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { openEpoch, provesInclusion, type OpenedEpoch } from './epoch.ts';
import { openReceipt } from './receipt.ts';

/** What is gossiped of an audit, and the release, by their envelope's type; and which member names who must have signed. */
const schemas = {
  release: [releaseSchema, 'asker'],
  accusation: [accusationSchema, 'accuser'],
  commitment: [voteCommitmentSchema, 'validator'],
  reveal: [revealSchema, 'validator'],
  unsealing: [unsealingSchema, 'accuser'],
  appeal: [appealSchema, 'worker'],
} as const;

type Schemas = typeof schemas;
export type AuditRecordType = keyof Schemas;
export type AuditRecord<T extends AuditRecordType> = z.output<Schemas[T][0]>;

/** A record whose signature and signer were checked. */
export type OpenedAuditRecord = {
  [T in AuditRecordType]: { readonly type: T; readonly record: AuditRecord<T> };
}[AuditRecordType];

/** @throws `bad-record` rather than signing what nobody could read, or in another peer's name. */
export function signAuditRecord<T extends AuditRecordType>(type: T, record: AuditRecord<T>, signer: Signer): Envelope {
  const [schema, by] = schemas[type];
  const checked = parseRecord(schema as z.ZodType, record, 'bad-record');
  if (signerOf(checked, by) !== signer.peer) {
    throw new TabloomError('bad-record', `The ${type} must be signed with the key of the peer it names.`);
  }
  return signEnvelope(type, checked, signer);
}

/** @throws `bad-record`, also for other types; `bad-signature`, also if it is not signed by whom it names. */
export function openAuditRecord(envelope: Envelope): OpenedAuditRecord {
  const { type } = envelope;
  if (!isAuditRecord(type)) throw new TabloomError('bad-record', `A record of type ${type} is no part of an audit.`);
  const [schema, by] = schemas[type];
  const { record, peer } = openEnvelope(type, schema as z.ZodType, envelope);
  if (signerOf(record, by) !== peer) {
    throw new TabloomError('bad-signature', `The ${type} is not signed by the peer it names.`);
  }
  return { type, record } as OpenedAuditRecord;
}

const isAuditRecord = (type: string): type is AuditRecordType => Object.hasOwn(schemas, type);
const signerOf = (record: unknown, by: string): PeerId => (record as Readonly<Record<string, PeerId>>)[by]!;

/** What an accusation shows by itself. */
export interface CheckedAccusation {
  readonly accusation: Accusation;
  readonly epoch: OpenedEpoch;
  readonly receipt: Receipt;
  /** Hash of the receipt. */
  readonly receiptHash: string;
}

/**
 * Whether the accused receipt is the worker's, of that epoch, in the tree at that place, under the audit's own name, and dated
 * now. Whether the beacon picked it is left to who has the beacon. @throws `bad-accusation`, `stale-accusation`, or what the
 * records inside throw.
 */
export function checkAccusation(accusation: Accusation, nowMs: number): CheckedAccusation {
  const epoch = openEpoch(accusation.epoch);
  const receipt = openReceipt(accusation.receipt);
  const { from, until, worker } = epoch.record;
  const { issuedAt } = receipt.record;
  const { index, path, accuser } = accusation;
  const holds =
    receipt.peer === worker &&
    receipt.record.worker === worker &&
    accuser !== worker &&
    issuedAt >= from &&
    issuedAt < until &&
    accusation.audit === auditId(epoch.hash, index, accuser) &&
    provesInclusion({ receipt: receipt.hash, index, path }, epoch.record);
  if (!holds) throw new TabloomError('bad-accusation', 'The accusation does not show a receipt of this epoch.');
  if (Math.abs(nowMs - accusation.accusedAt) > limits.auditClockSkewMs) {
    throw new TabloomError('stale-accusation', 'The accusation is not of now; accuse again.');
  }
  return { accusation, epoch, receipt: receipt.record, receiptHash: receipt.hash };
}
