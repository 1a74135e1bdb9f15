import { z } from 'zod';
import { textSchema } from './bounded.ts';
import { parseRecord } from './cbor.ts';
import { wireError } from './errors.ts';
import { artefactIdSchema, jobIdSchema } from './ids.ts';
import { jobKinds, kindOf, type KindName, type KindTable } from './kinds/table.ts';
import type { BlobRef } from './kinds/spec.ts';
import { limits } from './limits.ts';
import { unitsSchema } from './price.ts';
import { understand } from './understand.ts';
import { mustSchema, nameSchema, unknownMust, wordSchema, type Word } from './word.ts';

/** What an asker wants done, of one kind. `artefact` is exact; `model` is what the asker called it. */
export type Job = { [Kind in KindName]: JobOf<Kind> }[KindName];

export type JobOf<Kind extends KindName> = JobHead & {
  readonly kind: Kind;
  readonly input: z.output<(typeof jobKinds)[Kind]['input']>;
  readonly params: z.output<(typeof jobKinds)[Kind]['params']>;
};

/** What an asker wants, before a worker has been chosen: a job without its head. */
export type Work = { [Kind in KindName]: Pick<JobOf<Kind>, 'kind' | 'input' | 'params'> }[KindName];

export type JobHead = z.output<typeof jobHeadSchema>;
/** What was already delivered by an earlier worker; the next one goes on from there. */
export type Resume = z.output<typeof resumeSchema>;
/** What was checked about a worker, never what it said. */
export type Tier = Word<'open' | 'verified' | 'confidential'>;

export const tierSchema: z.ZodType<Tier> = wordSchema;

export const resumeSchema = z.object({
  text: textSchema(limits.messageTextBytesMax),
  /** The tokens of `text` as their workers named them, where all did: text does not always tokenise back to them. */
  ids: z.array(z.number().int().min(0).max(0xffff_ffff)).max(limits.maxTokensMax).optional(),
  /** Tokens delivered so far, as counted by the workers before. */
  tokens: z.number().int().min(0).max(limits.maxTokensMax),
});

export const jobHeadSchema = z.object({
  id: jobIdSchema,
  artefact: artefactIdSchema,
  model: nameSchema,
  tier: tierSchema,
  /** From the moment the worker reads `open`; the engine stops when it has passed. */
  deadlineMs: z.number().int().min(1).max(limits.jobDeadlineMsMax),
  /** 16 bytes as hexadecimal: salts the prompt's hash in the receipt, so that nobody can guess a prompt from it. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  resume: resumeSchema.optional(),
  must: mustSchema.optional(),
  /** Reserved: the most this job may cost, in the smallest unit. */
  budget: unitsSchema.optional(),
});

const envelopeSchema = z.looseObject({
  kind: wordSchema,
  must: mustSchema.optional(),
  input: z.unknown(),
  params: z.unknown(),
});

/**
 * Reads a job of any kind of the table.
 * @throws `version` for a kind, or a word of `must`, that is not known here; `bad-frame` for anything malformed.
 */
export function parseJob(raw: unknown, kinds: KindTable = jobKinds): Job {
  const { kind, input, params, must } = parseRecord(envelopeSchema, raw);
  const unknown = unknownMust({ must });
  if (unknown.length > 0) throw wireError('version', `This peer does not understand "${unknown[0]}". Ask another one.`);
  const row = kindOf(kind, kinds);
  if (!row) throw wireError('version', `This peer does no work of the kind "${kind}". Ask another one.`);
  const job = {
    ...parseRecord(jobHeadSchema, raw),
    kind,
    input: understand('input', row.input, input),
    params: understand('params', row.params, params),
  } as Job;
  assertFiles(job, kinds);
  return job;
}

/** What a caller of this program wants done, held to its kind. @throws as `parseJob` does, `bad-request` in place of `bad-frame`. */
export function parseWork({ kind, input, params }: Work, kinds: KindTable = jobKinds): Work {
  const row = rowOf({ kind }, kinds);
  const code = 'bad-request';
  return {
    kind,
    input: understand('input', row.input, input, code),
    params: understand('params', row.params, params, code),
  } as Work;
}

/** The row of a job's kind. Its functions take this job's own input. */
export function rowOf(job: Pick<Job, 'kind'>, kinds: KindTable = jobKinds) {
  const row = kindOf(job.kind, kinds);
  if (!row) throw wireError('version');
  return row;
}

/** What a model must be able to do for this work. */
export const needsOf = (work: Work, kinds: KindTable = jobKinds): readonly string[] => rowOf(work, kinds).needs(work);

/** UTF-16 code units that the model reads, what was resumed included. */
export const promptLength = (
  { resume, ...work }: Work & Pick<JobHead, 'resume'>,
  kinds: KindTable = jobKinds,
): number => rowOf(work, kinds).promptLength(work.input) + (resume?.text.length ?? 0);

/** Tokens of the answer that may still be made: kinds without a limit of their own have none to speak of. */
export const maxTokensOf = ({ params }: Pick<Work, 'params'>): number | undefined =>
  'maxTokens' in params ? params.maxTokens : undefined;

/** The files that follow `open`, in order: each once, where the input names it first. */
export function filesOf(work: Pick<Work, 'kind' | 'input'>, kinds: KindTable = jobKinds): readonly BlobRef[] {
  const named = rowOf(work, kinds).blobs(work.input);
  return named.filter(({ sha256 }, i) => named.findIndex((blob) => blob.sha256 === sha256) === i);
}

function assertFiles(job: Job, kinds: KindTable): void {
  const { limits: most, blobs } = rowOf(job, kinds);
  const files = filesOf(job, kinds);
  for (const { sha256, sizeBytes } of blobs(job.input)) {
    if (files.find((file) => file.sha256 === sha256)?.sizeBytes === sizeBytes) continue;
    throw wireError('bad-frame', 'The job gives two sizes for one file.');
  }
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.length <= most.blobsMax && bytes <= most.blobBytesMax) return;
  throw wireError(
    'bad-frame',
    `A job of the kind "${job.kind}" carries at most ${most.blobsMax} files of ${most.blobBytesMax} bytes together.`,
  );
}
