import { z } from 'zod';
import { textSchema } from './bounded.ts';
import { parseRecord } from './cbor.ts';
import { wireError } from './errors.ts';
import { artefactIdSchema, jobIdSchema } from './ids.ts';
import { isPlainObject } from './kinds/plain.ts';
import { jobKinds, kindOf, type KindName, type KindTable } from './kinds/table.ts';
import type { BlobRef } from './kinds/spec.ts';
import { limits } from './limits.ts';
import { jobPaymentSchema } from './payment.ts';
import { unitsSchema } from './price.ts';
import { understand } from './understand.ts';
import { isPrintableName, isWord, mustSchema, nameSchema, unknownMust, wordSchema, type Word } from './word.ts';

/** A request for work of one kind. `artefact` identifies the model exactly; `model` is the name the asker used. */
export type Job = { [Kind in KindName]: JobOf<Kind> }[KindName];

export type JobOf<Kind extends KindName> = JobHead & {
  readonly kind: Kind;
  readonly input: z.output<(typeof jobKinds)[Kind]['input']>;
  readonly params: z.output<(typeof jobKinds)[Kind]['params']>;
};

/** A job without its head: the work itself, before a worker has been chosen. */
export type Work = { [Kind in KindName]: Pick<JobOf<Kind>, 'kind' | 'input' | 'params'> }[KindName];

export type JobHead = z.output<typeof jobHeadSchema>;
/** What earlier workers have already delivered; the next worker continues from there. */
export type Resume = z.output<typeof resumeSchema>;
/** The trust level verified for a worker, as opposed to what it claims. */
export type Tier = Word<'open' | 'verified' | 'confidential'>;

export const tierSchema: z.ZodType<Tier> = wordSchema;

export const resumeSchema = z.object({
  text: textSchema(limits.messageTextBytesMax),
  /** Token ids of `text`, if every earlier worker reported them: text does not always tokenise back to the same ids. */
  ids: z.array(z.number().int().min(0).max(0xffff_ffff)).max(limits.maxTokensMax).optional(),
  /** Tokens delivered so far, as counted by the earlier workers. */
  tokens: z.number().int().min(0).max(limits.maxTokensMax),
});

export const jobHeadSchema = z.object({
  id: jobIdSchema,
  artefact: artefactIdSchema,
  model: nameSchema,
  tier: tierSchema,
  /** Counted from the moment the worker reads `open`; the engine stops when it expires. */
  deadlineMs: z.number().int().min(1).max(limits.jobDeadlineMsMax),
  /**
   * 16 random bytes as 32 hexadecimal digits. Salts the prompt hash in the receipt, so prompts cannot be guessed from
   * it.
   */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  resume: resumeSchema.optional(),
  must: mustSchema.optional(),
  /** The most that this worker may charge for it, in the smallest unit; what other workers were paid is taken off already. */
  budget: unitsSchema.optional(),
  /** Left out by an asker that does not pay. */
  payment: jobPaymentSchema.optional(),
});

const envelopeSchema = z.looseObject({
  kind: wordSchema,
  must: mustSchema.optional(),
  input: z.unknown(),
  params: z.unknown(),
});

/**
 * Parses a job of any kind in the table.
 * @throws `version` for an unknown kind, an unknown word in `must` or an unknown member of `input` or `params`;
 * `bad-frame` for anything malformed.
 */
export function parseJob(raw: unknown, kinds: KindTable = jobKinds): Job {
  const plain = plainHead(raw);
  const { kind, input, params, must } = plain ? (raw as PlainJob) : parseRecord(envelopeSchema, raw);
  const unknown = unknownMust({ must });
  if (unknown.length > 0) throw wireError('version', `This peer does not understand "${unknown[0]}". Ask another one.`);
  const row = kindOf(kind, kinds);
  if (!row) throw wireError('version', `This peer does not support the kind "${kind}". Ask another one.`);
  const job = {
    ...(plain ?? parseRecord(jobHeadSchema, raw)),
    kind,
    input: understand('input', row.input, input, 'bad-frame', row.plainInput),
    params: understand('params', row.params, params, 'bad-frame', row.plainParams),
  } as Job;
  assertFiles(job, kinds);
  return job;
}

/** What `plainHead` has seen to. */
interface PlainJob {
  readonly kind: string;
  readonly input?: unknown;
  readonly params?: unknown;
  readonly must?: undefined;
}

/**
 * The head of a job that is free, begins at its beginning and requires nothing, as `jobHeadSchema` reads it; undefined leaves it
 * to the schemas.
 */
export function plainHead(raw: unknown): JobHead | undefined {
  if (!isPlainObject(raw)) return undefined;
  const { id, artefact, model, tier, deadlineMs, salt, kind, resume, must, budget, payment } = raw;
  if (resume !== undefined || must !== undefined || budget !== undefined || payment !== undefined) return undefined;
  if (!isText(id, digits32) || !isText(salt, digits32) || !isText(artefact, digits64)) return undefined;
  if (!isWord(kind) || !isWord(tier) || typeof model !== 'string' || !isPrintableName(model)) return undefined;
  const isDeadline = Number.isSafeInteger(deadlineMs) && (deadlineMs as number) >= 1;
  if (!isDeadline || (deadlineMs as number) > limits.jobDeadlineMsMax) return undefined;
  return { id, artefact, model, tier, deadlineMs: deadlineMs as number, salt };
}

const digits32 = /^[0-9a-f]{32}$/;
const digits64 = /^[0-9a-f]{64}$/;
const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value);

/** Validates work from a local caller. @throws like `parseJob`, but `bad-request` instead of `bad-frame`. */
export function parseWork({ kind, input, params }: Work, kinds: KindTable = jobKinds): Work {
  const row = rowOf({ kind }, kinds);
  const code = 'bad-request';
  return {
    kind,
    input: understand('input', row.input, input, code, row.plainInput),
    params: understand('params', row.params, params, code, row.plainParams),
  } as Work;
}

/** The row for a job's kind. @throws `version` if the table has none. */
export function rowOf(job: Pick<Job, 'kind'>, kinds: KindTable = jobKinds) {
  const row = kindOf(job.kind, kinds);
  if (!row) throw wireError('version');
  return row;
}

/** The model features this work requires. */
export const needsOf = (work: Work, kinds: KindTable = jobKinds): readonly string[] => rowOf(work, kinds).needs(work);

/** Prompt length in UTF-16 code units, including resumed text. */
export const promptLength = (
  { resume, ...work }: Work & Pick<JobHead, 'resume'>,
  kinds: KindTable = jobKinds,
): number => rowOf(work, kinds).promptLength(work.input) + (resume?.text.length ?? 0);

/** The token limit of the whole answer; undefined for kinds that have none. */
export const maxTokensOf = ({ params }: Pick<Work, 'params'>): number | undefined =>
  'maxTokens' in params ? params.maxTokens : undefined;

/** The files that follow `open`: deduplicated, in order of first mention in the input. */
export function filesOf(work: Pick<Work, 'kind' | 'input'>, kinds: KindTable = jobKinds): readonly BlobRef[] {
  const named = rowOf(work, kinds).blobs(work.input);
  return named.filter(({ sha256 }, i) => named.findIndex((blob) => blob.sha256 === sha256) === i);
}

function assertFiles(job: Job, kinds: KindTable): void {
  const { limits: most, blobs } = rowOf(job, kinds);
  const files = filesOf(job, kinds);
  for (const { sha256, sizeBytes } of blobs(job.input)) {
    if (files.find((file) => file.sha256 === sha256)?.sizeBytes === sizeBytes) continue;
    throw wireError('bad-frame', 'The job gives two different sizes for one file.');
  }
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length <= most.blobsMax && bytes <= most.blobBytesMax) return;
  throw wireError(
    'bad-frame',
    `A job of kind "${job.kind}" may carry at most ${most.blobsMax} files and ${most.blobBytesMax} bytes in total.`,
  );
}
