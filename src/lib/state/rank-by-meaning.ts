import { TabloomError } from '#lib/base/errors.ts';
import { initialJob, reduceJob } from '#lib/peer/session/job-state.ts';
import type { AskRequest, JobEvent } from '#lib/peer/spec.ts';
import type { Tier } from '#lib/protocol/job.ts';
import type { RankPassages } from './attachment.ts';

/** Texts of one job. */
const textsPerJob = 64;
/** Of more passages those are compared that match by words, then the first ones. */
const passagesMax = 512;
/** Reciprocal rank fusion, with the constant of its authors (Cormack, Clarke, Büttcher 2009). */
const fusion = 60;

export interface MeaningParts {
  readonly ask: (request: AskRequest) => AsyncIterable<JobEvent>;
  readonly byWords: RankPassages;
  readonly signal: AbortSignal;
}

export interface MeaningTerms {
  /** Name of a model that computes vectors. */
  readonly model: string;
  readonly tier: Tier;
  /** The one peer that may be asked; undefined if anybody may. */
  readonly peer: string | undefined;
}

/**
 * Orders passages by their meaning and by their words together. Question and passages go to one peer, which computes a vector of each. Where
 * that fails, by words alone, on this device. Rejects only when stopped.
 */
export async function rankByMeaning(
  question: string,
  passages: readonly string[],
  terms: MeaningTerms,
  { ask, byWords, signal }: MeaningParts,
): Promise<readonly number[]> {
  const words = await byWords(question, passages);
  const compared = [...new Set([...words, ...passages.keys()])].slice(0, passagesMax);
  try {
    const [asked, ...vectors] = await vectorsOf([question, ...compared.map((index) => passages[index]!)], terms, ask);
    const near = vectors.map((vector, at) => ({ index: compared[at]!, near: dot(asked!, vector) }));
    const meant = near.sort((a, b) => b.near - a.near).map(({ index }) => index);
    return fuse([words, meant]);
  } catch {
    signal.throwIfAborted();
    return words;
  }
}

/** All by the peer that computed the first: those of another model are of another space, and nobody else reads the text. */
async function vectorsOf(
  texts: readonly string[],
  { model, tier, peer }: MeaningTerms,
  ask: MeaningParts['ask'],
): Promise<readonly Float32Array[]> {
  const vectors: Float32Array[] = [];
  let only = peer === undefined ? undefined : [peer];
  for (let from = 0; from < texts.length; from += textsPerJob) {
    const part = texts.slice(from, from + textsPerJob);
    let job = initialJob;
    const request = {
      model: { name: model },
      kind: 'embedding',
      input: { texts: part },
      params: {},
      tier,
      only,
    } as const;
    for await (const event of ask(request)) job = reduceJob(job, event);
    const { data } = job.output;
    if (job.phase !== 'finished' || data.length !== part.length)
      throw new TabloomError('engine-failed', 'The peer computed no vectors.');
    vectors.push(...data.map(({ chunks }) => toVector(chunks)));
    only = job.worker ? [job.worker.peer] : only;
  }
  if (vectors.some(({ length }) => length !== vectors[0]!.length))
    throw new TabloomError('engine-failed', 'The peer computed vectors of different lengths.');
  return vectors;
}

/** Little-endian, as on the wire. */
function toVector(chunks: readonly Uint8Array[]): Float32Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getFloat32(index * 4, true));
}

/** The cosine, since vectors have the length one. What is no number is near to nothing. */
function dot(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((total, value, index) => total + value * b[index]!, 0);
  return Number.isFinite(sum) ? sum : -1;
}

function fuse(rankings: readonly (readonly number[])[]): readonly number[] {
  const scores = new Map<number, number>();
  for (const ranking of rankings)
    for (const [rank, index] of ranking.entries())
      scores.set(index, (scores.get(index) ?? 0) + 1 / (fusion + rank + 1));
  return [...scores].sort(([a, x], [b, y]) => y - x || a - b).map(([index]) => index);
}
