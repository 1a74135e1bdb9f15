import { isPlainObject } from './kinds/plain.ts';
import { limits } from './limits.ts';
import type { Countersign, Receipt } from './receipt.ts';
import { isWord } from './word.ts';

/*
 * Whether a record that is about to be signed is one that its schema would return as it is; false says nothing, and leaves it
 * to the schema. By hand, since of a short answer's receipt the schema costs as much as the signature's half. Property
 * tests hold them to the schemas.
 */

/** A receipt of a job that nothing was paid for. */
export function isPlainReceipt(record: Receipt): boolean {
  const { engine, params, timings, price, payment } = record;
  return (
    payment === undefined &&
    digits32.test(record.jobId) &&
    peerId.test(record.asker) &&
    peerId.test(record.worker) &&
    digits64.test(record.artefact) &&
    isShort(record.model, limits.nameLengthMax) &&
    isWord(record.kind) &&
    hasMembers(engine, 3) &&
    isShort(engine.name, limits.wordLengthMax) &&
    isShort(engine.build, limits.wordLengthMax) &&
    isShort(engine.deviceClass, limits.wordLengthMax) &&
    isPlainObject(params) &&
    digits64.test(record.promptHash) &&
    isCount(record.resumedTokens) &&
    digits64.test(record.outputRoot) &&
    (record.outputForm === 'token-ids' || record.outputForm === 'text-parts') &&
    isWord(record.reason) &&
    isCount(record.tokensIn) &&
    isCount(record.tokensOut) &&
    hasMembers(timings, 3) &&
    isDuration(timings.queuedMs) &&
    isDuration(timings.ttftMs) &&
    isDuration(timings.decodeMs) &&
    isWord(record.tier) &&
    hasMembers(price, 2) &&
    units.test(price.in) &&
    units.test(price.out) &&
    isCount(record.issuedAt) &&
    digits64.test(record.prevWorker)
  );
}

export const isPlainCountersign = ({ jobId, receipt, asker, prevAsker }: Countersign): boolean =>
  digits32.test(jobId) && digits64.test(receipt) && peerId.test(asker) && digits64.test(prevAsker);

const digits32 = /^[0-9a-f]{32}$/;
const digits64 = /^[0-9a-f]{64}$/;
const peerId = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
const units = /^(0|[1-9][0-9]{0,29})$/;
const isShort = (text: string, lengthMax: number) => typeof text === 'string' && text.length <= lengthMax;
const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
const isDuration = (value: number) => typeof value === 'number' && value >= 0 && value <= limits.durationMsMax;
/** An object with so many, since a schema leaves out what it does not know. */
const hasMembers = (value: object, count: number) => isPlainObject(value) && Object.keys(value).length === count;
