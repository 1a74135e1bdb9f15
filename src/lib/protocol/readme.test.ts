import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { wireErrorCodes, wireErrors } from './errors.ts';
import { findProtocol, findFrameSchema, offersTopic } from './find.ts';
import { askerFrameSchema, jobProtocol, workerFrameSchema } from './frame.ts';
import { jobParamsSchema, jobSchema } from './job.ts';
import { limits } from './limits.ts';
import { offeredModelSchema, offerSchema } from './offer.ts';
import { countersignSchema, receiptSchema } from './receipt.ts';

/** The page cannot be proven complete, but what it must not forget can be listed. */
const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const section = (title: string) => page.split(/^##+ /m).find((part) => part.startsWith(`${title}\n`)) ?? '';

test('every error code stands in its table, with its kind of retry', () => {
  const rows = section('Errors')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const told = new Map<string, string>();
  for (const row of rows) {
    const [codes = '', retries = ''] = row.split('|').slice(1);
    const kinds = retries.split(',').map((kind) => kind.trim());
    [...codes.matchAll(/`([a-z-]+)`/g)].forEach(([, code], i) => told.set(code!, kinds[i] ?? kinds[0]!));
  }
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(wireErrorCodes.map((code) => [code, wireErrors[code].retry])),
  );
});

test('every member of every record and frame is named where the page speaks of it', () => {
  const places: readonly (readonly [string, readonly string[]])[] = [
    ['Offers', [...Object.keys(offerSchema.shape), ...Object.keys(offeredModelSchema.shape)]],
    ['The job', [...Object.keys(jobSchema.shape), ...Object.keys(jobParamsSchema.shape)]],
    ['Receipts', [...Object.keys(receiptSchema.shape), ...Object.keys(countersignSchema.shape)]],
    ['Jobs', [askerFrameSchema, workerFrameSchema].flatMap(membersOf)],
    ['Finding', membersOf(findFrameSchema)],
  ];
  for (const [title, names] of places) {
    for (const name of names) expect(section(title), `${title}: ${name}`).toContain(`\`${name}`);
  }
});

test('protocols, the topic and the numbers that a peer must know are there', () => {
  for (const text of [jobProtocol, findProtocol, offersTopic]) expect(page).toContain(`\`${text}\``);
  const numbers = [
    limits.frameBytesMax,
    limits.gossipBytesMax,
    limits.receiptBytesMax,
    limits.blobFrameBytesMax,
    limits.cborItemsMax,
    limits.messageTextBytesMax,
    limits.maxTokensMax,
    limits.partTextBytesMax,
    limits.tokensPerPartMax,
    limits.offerTtlMs,
    limits.offerTtlMsMax,
    limits.jobDeadlineMsDefault,
    limits.jobDeadlineMsMax,
    limits.answerLengthMax,
    limits.acceptedFramesMax,
    limits.contextTokensMax,
    limits.slotsMax,
  ];
  for (const number of numbers) expect(page).toContain(number.toLocaleString('en-US'));
});

function membersOf(union: { readonly options: readonly { readonly shape: object }[] }): string[] {
  return union.options.flatMap(({ shape }) => Object.keys(shape));
}
