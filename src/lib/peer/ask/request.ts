import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import type { Route } from '#lib/market/route.ts';
import type { Candidate, PassReason, RouteQuery } from '#lib/market/spec.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { artefactIdSchema, jobIdSchema, peerIdSchema } from '#lib/protocol/ids.ts';
import {
  filesOf,
  jobHeadSchema,
  maxTokensOf,
  needsOf,
  parseWork,
  promptLength,
  resumeSchema,
  tierSchema,
  type Job,
  type Resume,
} from '#lib/protocol/job.ts';
import type { KindTable } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import { engineOf } from '#lib/protocol/offer.ts';
import { priceSchema, unitsSchema } from '#lib/protocol/price.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import { nameSchema } from '#lib/protocol/word.ts';
import type { AskRequest, WorkerView } from '../spec.ts';

const askRequestSchema = z.object({
  id: jobIdSchema.optional(),
  model: z.union([z.literal('any'), z.object({ artefact: artefactIdSchema }), z.object({ name: nameSchema })]),
  tier: tierSchema,
  deadlineMs: z.number().int().min(1).max(limits.jobDeadlineMsMax).optional(),
  only: z.array(peerIdSchema).min(1).max(256).optional(),
  ignore: z.array(peerIdSchema).max(256).optional(),
  order: z.array(peerIdSchema).max(256).optional(),
  quantisations: z.array(z.string().max(limits.quantisationLengthMax)).max(64).optional(),
  priceMax: priceSchema.optional(),
  budget: unitsSchema.optional(),
  release: z.literal(true).optional(),
  // A job that was asked on this device; its work is checked when a worker is chosen for this one.
  after: resumeSchema.extend({ job: z.custom<Job>((job) => jobHeadSchema.safeParse(job).success) }).optional(),
});

/** @throws `bad-request`. */
export function checkRequest(request: AskRequest, kinds: KindTable): AskRequest {
  const parsed = askRequestSchema.safeParse(request);
  if (parsed.success) return { ...parsed.data, blobs: checkBlobs(request, kinds), ...parseWork(request, kinds) };
  const [issue] = parsed.error.issues;
  throw new TabloomError(
    'bad-request',
    `The request is not valid at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'invalid'}.`,
  );
}

/** The files that the input names, and no others. @throws `bad-request`. */
function checkBlobs(request: AskRequest, kinds: KindTable): AskRequest['blobs'] {
  const named = filesOf(request, kinds);
  if (named.length === 0) return undefined;
  const blobs = new Map<string, Uint8Array>();
  for (const { sha256, sizeBytes } of named) {
    const bytes = request.blobs?.get(sha256);
    if (!bytes || bytes.length !== sizeBytes || hashBytes(bytes) !== sha256) {
      throw new TabloomError(
        'bad-request',
        `The file ${sha256} named by the input was not given, or its content differs.`,
      );
    }
    blobs.set(sha256, bytes);
  }
  return blobs;
}

/** @param artefact that a job which goes on has to stay with. */
export function toRouteQuery(
  request: AskRequest,
  tried: readonly PeerId[],
  kinds: KindTable,
  artefact?: ArtefactId,
): RouteQuery {
  return {
    model: artefact === undefined ? request.model : { artefact },
    tier: request.tier,
    // Low: a worker that gets too long a prompt answers `too-long`, while one passed over by mistake is never asked.
    contextTokens:
      estimateTokens(promptLength(request, kinds), 'low') + Math.min(maxTokensOf(request) ?? 0, answerRoom),
    kind: request.kind,
    features: needsOf(request, kinds),
    only: request.only,
    ignore: request.ignore,
    quantisations: request.quantisations,
    priceMax: request.priceMax,
    budget: request.budget,
    not: tried,
  };
}

export interface JobFacts {
  readonly id: string;
  readonly salt: string;
  readonly deadlineMs: number;
  readonly resume: Resume | undefined;
}

export function toJob(request: AskRequest, { model }: Candidate, { id, salt, deadlineMs, resume }: JobFacts): Job {
  const { kind, input, params } = request;
  return {
    id,
    artefact: model.artefact,
    model: model.name,
    kind,
    input,
    params,
    tier: request.tier,
    deadlineMs: Math.max(1, Math.min(limits.jobDeadlineMsMax, Math.round(deadlineMs))),
    salt,
    ...(resume ? { resume } : {}),
  } as Job;
}

export function toWorkerView(
  { level, considered }: Route,
  { entry, model }: Candidate,
  request: AskRequest,
  self: PeerId,
): WorkerView {
  const { offer } = entry;
  const passed: Partial<Record<PassReason, number>> = {};
  for (const { reason } of considered) if (reason !== 'chosen') passed[reason] = (passed[reason] ?? 0) + 1;
  return {
    peer: offer.peer,
    self: offer.peer === self,
    role: offer.role,
    engine: engineOf(offer, model),
    model: model.name,
    artefact: model.artefact,
    tier: request.tier,
    ...(model.hub ? { hub: true as const } : {}),
    ...(level ? { route: { level, passed } } : {}),
  };
}

/** Tokens of context that must be left for the answer; a longer answer may end with `length`. */
const answerRoom = 16;
