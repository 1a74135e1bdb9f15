import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import {
  accusationSchema,
  appealSchema,
  releaseSchema,
  revealSchema,
  unsealingSchema,
  voteCommitmentSchema,
} from './audit.ts';
import { auditProtocol, auditRequestSchema, plainFrameSchema, releasedSchema } from './audit-frame.ts';
import { checkpointSchema } from './checkpoint.ts';
import { envelopeSchema } from './envelope.ts';
import { epochSchema } from './epoch.ts';
import { wireErrorCodes, wireErrors } from './errors.ts';
import { closeFrameSchema, closeProtocol, closeRequestSchema } from './closing.ts';
import { findFrameSchema, findProtocol, findRequestSchema, offersTopic } from './find.ts';
import { askerFrameSchema, jobProtocol, workerFrameSchema } from './frame.ts';
import { jobHeadSchema } from './job.ts';
import { chatMessageSchema, toolCallSchema } from './kinds/chat.ts';
import { blobRefSchema } from './kinds/blob.ts';
import { features } from './kinds/spec.ts';
import { jobKinds } from './kinds/table.ts';
import { limits } from './limits.ts';
import { offeredModelSchema, offerSchema } from './offer.ts';
import { partSchema } from './part.ts';
import { jobPaymentSchema, payoutSchema, receiptPaymentSchema, voucherSchema } from './payment.ts';
import { countersignSchema, receiptSchema } from './receipt.ts';
import {
  forkSchema,
  linkDigestBytes,
  receivedWorkSchema,
  tallyFrameSchema,
  tallyProtocol,
  tallySchema,
} from './tally.ts';
import { wishesTopic, wishLimits, wishSchema } from './wish.ts';
import { auditTopic } from './topics.ts';

/** The page cannot be proven complete, but what it must mention can be listed. */
const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const section = (title: string) => page.split(/^##+ /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
const formatted = (number: number) => number.toLocaleString('en-US');

/** The table rows of a section whose first cell starts with code, split into cells. */
const rows = (title: string) =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1));
/** The code spans of a cell. */
const words = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
const numbers = (cell = '') => [...cell.matchAll(/[\d,]+\d|\d/g)].map(([digits]) => Number(digits.replaceAll(',', '')));

test('the error table lists every code with its retry class', () => {
  const documented = new Map<string, string>();
  for (const [codes = '', retries = ''] of rows('Errors')) {
    const kinds = retries.split(',').map((kind) => kind.trim());
    words(codes).forEach((code, i) => documented.set(code!, kinds[i] ?? kinds[0]!));
  }
  expect(Object.fromEntries(documented)).toEqual(
    Object.fromEntries(wireErrorCodes.map((code) => [code, wireErrors[code].retry])),
  );
});

test('the table of kinds matches the code', () => {
  const documented = rows('Kinds').map(([kind, parts, units, hashed, files, made]) => ({
    kind: words(kind)[0],
    parts: words(parts),
    units: words(units),
    outputHash: words(hashed),
    files: numbers(files),
    made: numbers(made)[0],
  }));
  const expected = Object.values(jobKinds).map(({ kind, parts, units, outputHash, limits: most }) => ({
    kind,
    parts: [...parts],
    units: [units.in, units.out],
    outputHash: [...outputHash],
    files: [most.blobsMax, most.blobBytesMax],
    made: most.dataBytesMax,
  }));
  expect(documented).toEqual(expected);
});

test('the feature table is complete', () => {
  const documented = rows('Offers').map(([word]) => words(word)[0]!);
  expect(documented.slice(-features.length)).toEqual(features);
});

test('each section names every member of its records, frames, parts and kinds', () => {
  const kinds = Object.values(jobKinds);
  const places: readonly (readonly [string, readonly string[]])[] = [
    ['Envelopes', keysOf(envelopeSchema)],
    ['Offers', [...keysOf(offerSchema), ...keysOf(offeredModelSchema)]],
    ['Wishes', keysOf(wishSchema)],
    ['Finding', [...keysOf(findRequestSchema), ...membersOf(findFrameSchema), ...wordsOf(findFrameSchema, 't')]],
    ['Jobs', [askerFrameSchema, workerFrameSchema].flatMap((union) => [...membersOf(union), ...wordsOf(union, 't')])],
    ['The job', ['kind', 'input', 'params', ...keysOf(jobHeadSchema)]],
    ['Parts', [...membersOf(partSchema), ...wordsOf(partSchema, 'type')]],
    ['Kinds', keysOf(blobRefSchema)],
    [
      'Input',
      [...kinds.flatMap(({ input }) => keysOf(input)), ...keysOf(chatMessageSchema), ...keysOf(toolCallSchema)],
    ],
    ['Params', kinds.flatMap(({ params }) => keysOf(params))],
    ['Receipts', [...keysOf(receiptSchema), ...keysOf(countersignSchema)]],
    ['Checkpoints', keysOf(checkpointSchema)],
    [
      'Tallies',
      [
        ...[tallySchema, receivedWorkSchema].flatMap(keysOf),
        ...[tallyFrameSchema, forkSchema].flatMap(membersOf),
        ...wordsOf(tallyFrameSchema, 't'),
        ...wordsOf(forkSchema, 'side'),
      ],
    ],
    [
      'Audits',
      [
        ...[epochSchema, releaseSchema, accusationSchema, voteCommitmentSchema, revealSchema].flatMap(keysOf),
        ...[unsealingSchema, appealSchema, releasedSchema].flatMap(keysOf),
        ...[auditRequestSchema, plainFrameSchema].flatMap((union) => [...membersOf(union), ...wordsOf(union, 't')]),
        ...revealSchema.shape.verdict.options,
        ...unsealingSchema.shape.truth.options,
        'released',
        'job',
      ],
    ],
    ['Closing', [...keysOf(closeRequestSchema), ...membersOf(closeFrameSchema), ...wordsOf(closeFrameSchema, 't')]],
    ['How the wire grows', ['must']],
    [
      'Money',
      [
        ...keysOf(payoutSchema),
        ...keysOf(jobPaymentSchema),
        ...keysOf(jobPaymentSchema.shape.terms),
        ...keysOf(receiptPaymentSchema),
        ...keysOf(voucherSchema),
        'payout',
        'attestation',
        'budget',
        'payment',
        'pay',
        'due',
        'paid',
        'tokensIn',
        'starved',
        'unpaid',
      ],
    ],
  ];
  for (const [title, names] of places) {
    for (const name of names) expect(section(title), `${title}: ${name}`).toMatch(new RegExp(`[\`{ ]${name}\\b`));
  }
});

test('the page states protocols, the topic, signed prefixes and limits', () => {
  for (const text of [
    jobProtocol,
    findProtocol,
    tallyProtocol,
    closeProtocol,
    auditProtocol,
    auditTopic,
    offersTopic,
    `${offersTopic}/`,
    wishesTopic,
  ])
    expect(page).toContain(`\`${text}\``);
  expect(page).toContain('"tabloom/" ‖ type ‖ "/2\\n" ‖ payload');
  expect(page).toContain('"tabloom/output/2/" ‖ form ‖ "\\n"');
  const places: Readonly<Record<string, readonly number[]>> = {
    'Messages on a stream': [limits.frameBytesMax],
    Encoding: [limits.cborItemsMax, limits.nestingMax, limits.wordLengthMax],
    Ids: [limits.nameLengthMax],
    'How the wire grows': [limits.mustWordsMax],
    Envelopes: [limits.gossipBytesMax, limits.receiptBytesMax, limits.epochBytesMax],
    Audits: [
      limits.epochReceiptsMax,
      limits.epochPathMax,
      limits.epochGraceMs / 1_000,
      limits.auditSittingsMax,
      limits.auditPositionsMax,
      limits.auditOpeningsMax,
      limits.auditPartsMax,
      limits.auditAnswerMs / 1_000,
      limits.auditClockSkewMs / 1_000,
    ],
    Offers: [
      limits.offerTtlMs,
      limits.offerTtlMsMax,
      limits.contextTokensMax,
      limits.slotsMax,
      limits.offerModelsMax,
      limits.offerKindsMax,
      limits.offerFeaturesMax,
      limits.offerTiersMax,
      limits.offerPolicyMax,
      limits.nicknameLengthMax,
      limits.gossipBytesMax,
    ],
    Wishes: [
      wishLimits.bytesMax,
      wishLimits.artefactsMax,
      wishLimits.ttlMs,
      wishLimits.ttlMsMax,
      wishLimits.minGapMs / 1_000,
      wishLimits.clockSkewMs / 1_000,
      wishLimits.perPeer.burst,
      1 / wishLimits.perPeer.perSecond,
      wishLimits.overall.burst,
      wishLimits.overall.perSecond,
      wishLimits.peersMax,
      wishLimits.peersPerMachineMax,
      wishLimits.peersPerMachineMax * wishLimits.zoneFactor,
    ],
    Closing: [limits.closeRequestMs / 1_000, limits.closeAnswerMs / 1_000],
    Finding: [limits.findLimitMax, limits.findStreamsPerPeerMax],
    Jobs: [
      limits.blobFrameBytesMax,
      limits.blobBytesPerPeerMax,
      limits.blobTimeoutMs / 1_000,
      limits.phaseTimeoutMsMax / 1_000,
      limits.jobDeadlineMsDefault,
      limits.jobDeadlineMsMax,
      limits.answerLengthMax,
      limits.acceptedFramesMax,
      limits.checkpointFramesMax,
      limits.cancelFramesMax,
      limits.tokenSlack,
    ],
    'The job': [limits.messageTextBytesMax, limits.maxTokensMax, limits.frameBytesMax],
    Parts: [
      limits.partTextBytesMax,
      limits.tokensPerPartMax,
      limits.toolCallsMax - 1,
      limits.logprobsPerPartMax,
      limits.topLogprobsMax,
      limits.embeddingTextsMax - 1,
      limits.embeddingDimensionsMax * 4,
      limits.dataFilesMax - 1,
      limits.blobFrameBytesMax,
      limits.mimeLengthMax,
    ],
    Kinds: [limits.blobBytesMax],
    Input: [
      limits.messagesMax,
      limits.messagePartsMax,
      limits.messageTextBytesMax,
      limits.toolsMax,
      limits.toolCallsMax,
      limits.jsonTextBytesMax,
      limits.embeddingTextsMax,
      limits.stopSequenceBytesMax * 4,
    ],
    Params: [
      limits.maxTokensMax,
      limits.topKMax,
      limits.stopSequencesMax,
      limits.stopSequenceBytesMax,
      limits.logitBiasMax,
      limits.topLogprobsMax,
      limits.embeddingDimensionsMax,
    ],
    Tallies: [
      limits.tallyTtlMs,
      limits.tallyTtlMsMax,
      limits.tallyClockSkewMs / 1_000,
      limits.tallyEntriesMax,
      limits.tallyForkedMax,
      limits.tallyLinksMax,
      limits.tallyLinksMax * (linkDigestBytes.place + linkDigestBytes.record),
      limits.tallyForksMax,
      limits.tallyTimeoutMs / 1_000,
      limits.tallyMinGapMs / 1_000,
    ],
    Money: [
      limits.inputStepTokens,
      limits.paidCheckpointTokens,
      limits.paidCheckpointTokensMax,
      limits.unpaidTokensMax,
      limits.unpaidTimeoutMs / 1_000,
      limits.unpaidAfterCancelMs / 1_000,
      limits.payFramesMax,
    ],
    Checkpoints: [limits.checkpointTokens, limits.checkpointIntervalMs / 1_000],
  };
  for (const [title, all] of Object.entries(places)) {
    for (const number of all) {
      expect(section(title), `${title}: ${number}`).toMatch(new RegExp(`(?<![\\d,])${formatted(number)}(?!,?\\d)`));
    }
  }
});

test('every internal link has a target', () => {
  const anchors = [...page.matchAll(/^##+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
});

interface WithShape {
  readonly shape: Readonly<Record<string, z.ZodType>>;
}
const keysOf = ({ shape }: WithShape): readonly string[] => Object.keys(shape);
const membersOf = ({ options }: { readonly options: readonly WithShape[] }) => options.flatMap(keysOf);
/** The discriminator values of a union. */
const wordsOf = ({ options }: { readonly options: readonly WithShape[] }, key: string): readonly string[] =>
  options.map(({ shape }) => String((shape[key] as z.ZodLiteral).value));
