import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createZoneBudget, judgeCheck, planCheck, type CheckPlan, type Examinee } from '#lib/market/audition.ts';
import { candidates } from '#lib/market/candidates.ts';
import { canaryText, surfaceOf } from '#lib/market/canary-text.ts';
import type { CanaryShape } from '#lib/market/canary.ts';
import { jobsAt } from '#lib/market/score.ts';
import { createShare } from '#lib/market/share.ts';
import type { Directory } from '#lib/market/spec.ts';
import { levelOf } from '#lib/market/standing.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { messageText } from '#lib/protocol/kinds/chat.ts';
import type { Part } from '#lib/protocol/part.ts';
import { judgeAnswer, mannerOf } from '#lib/trust/rescore.ts';
import type { AskRequest, Scorer, ScoredAnswer, WorkerView } from '../spec.ts';
import type { TrackRecord } from '../track-record.ts';
import type { Zones } from '../zones.ts';

/** Canaries that strangers and admitted workers are examined with, out of a small share of the jobs. */
export interface Auditions {
  /** A person's job has gone well: its shape may be copied, and its share is spent on the next check. */
  noteJob(request: AskRequest, worker: Pick<WorkerView, 'artefact'>): void;
}

export interface AuditionComponents {
  readonly self: PeerId;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly trackRecord: TrackRecord;
  readonly zones: Zones;
  /** The whole answer of that one worker; undefined where there was none. */
  readonly ask: (request: AskRequest, peer: PeerId) => Promise<ScoredAnswer | undefined>;
  /** Models whose weights are at hand; the answers of others are compared. */
  readonly scorer?: Scorer | undefined;
}

/** Of the jobs, canaries at most: those that a check compares with are counted too. */
const canaryShare = 0.03;
const canariesSavedMax = 6;
const canaryDeadlineMs = 60_000;
/** How long nobody is looked for after nobody was found to examine: every job would search all offers for it. */
const nobodyMs = 5_000;
/** Shapes of real jobs that are remembered, of which one is copied. */
const shapesMax = 16;
/** What a job looks like is found out of one of so many milliseconds. */
const noteEveryMs = 100;
const canaryContextTokens = 256;
/** Of these, what no canary's text takes up. */
const roomTokensSure = 64;

export function createAuditions(components: AuditionComponents): Auditions {
  const { clock, random, logger, trackRecord, zones, scorer } = components;
  const share = createShare(canaryShare, canariesSavedMax);
  const budget = createZoneBudget();
  const shapes: CanaryShape[] = [];
  let isChecking = false;
  let lookAgainMs = Number.NEGATIVE_INFINITY;
  let notedMs = Number.NEGATIVE_INFINITY;

  const workersOf = (artefact: ArtefactId, kind: CanaryShape['kind']): readonly Examinee[] => {
    const { self, directory } = components;
    const query = { model: { artefact }, tier: 'open', contextTokens: canaryContextTokens, kind } as const;
    const options = { random, now: clock.now(), self, known: trackRecord.known };
    return candidates(query, directory, options).map((candidate): Examinee => {
      const { entry, model } = candidate;
      const { peer } = entry.offer;
      const standing = trackRecord.standing(peer, artefact);
      const level = peer === self ? 'self' : zones.isOwn(peer) ? 'own' : levelOf(standing, clock.now());
      const jobs = jobsAt(candidate, (since) => trackRecord.underWay(peer, artefact, since));
      return { peer, level, standing, zone: zones.zone(peer), isFree: jobs < model.slots };
    });
  };

  const check = async (artefact: ArtefactId, shape: CanaryShape) => {
    const now = clock.now();
    const hasRoom = (zone: Examinee['zone']) => budget.hasRoom(zone, now);
    const scores = scorer?.has(artefact);
    const plan = planCheck(workersOf(artefact, shape.kind), { now, random, hasRoom, brokenIn: zones.brokenIn, scores });
    if (!plan) {
      lookAgainMs = clock.elapsed() + nobodyMs;
      return;
    }
    budget.spend(plan.subject.zone, now);
    const request = canaryRequest(artefact, shape, canaryText(random, shape.surface));
    const verdict = await examine(plan, request, scores ? artefact : undefined);
    if (verdict !== 'passed' && verdict !== 'failed') return;
    const { peer } = plan.subject;
    trackRecord.recordCanary(peer, artefact, verdict);
    if (verdict === 'passed') return;
    zones.noteBroken(peer);
    logger.info('canary-failed', { peer, artefact });
  };

  /** @param artefact whose weights are at hand; what they cannot tell is compared. */
  const examine = async (plan: CheckPlan, request: AskRequest, artefact: ArtefactId | undefined) => {
    const [one, other] = plan.references;
    share.spend();
    const asked = components.ask(request, plan.subject.peer);
    if (artefact !== undefined) {
      const verdict = await rescore(request, artefact, await asked);
      if (verdict !== 'undecided' || !one) return verdict;
    }
    share.spend();
    const [subject, first] = await Promise.all([asked, components.ask(request, one!.peer)]);
    const texts = { subject: subject?.text, first: first?.text };
    const verdict = judgeCheck(plan, texts);
    if (verdict !== 'second') return verdict;
    share.spend();
    return judgeCheck(plan, { ...texts, second: (await components.ask(request, other!.peer))?.text ?? '' });
  };

  const rescore = async (request: AskRequest, artefact: ArtefactId, answer: ScoredAnswer | undefined) => {
    // Why it gave no answer has been recorded where it happened.
    const scores = answer && (await scorer?.score(artefact, request, answer));
    if (!answer || !scores) return 'undecided';
    const params = request.params as CanaryShape;
    return judgeAnswer({
      scores,
      ended: scores.length > (answer.ids?.length ?? 0),
      // A longer one may have come to the end of the worker's context.
      roomTokens: answer.ending === 'length' && params.maxTokens <= roomTokensSure ? params.maxTokens : undefined,
      manner: mannerOf(params),
    }).verdict;
  };

  return {
    noteJob(request, { artefact }) {
      share.earn();
      // Where there are enough, a busy peer looks at some jobs and no more at each.
      const isEnough = shapes.length >= shapesMax && clock.elapsed() - notedMs < noteEveryMs;
      const shape = isEnough ? undefined : shapeOf(request);
      if (shape) {
        notedMs = clock.elapsed();
        shapes.push(shape);
        if (shapes.length > shapesMax) shapes.shift();
      } else if (!isEnough) return;
      if (!share.isDue || isChecking || clock.elapsed() < lookAgainMs) return;
      isChecking = true;
      const copied = shapes[Math.floor(random.float() * shapes.length)]!;
      void check(artefact, copied).finally(() => (isChecking = false));
    },
  };
}

/** Text and tokens of an answer; no tokens where not each piece came with its own. */
export function wholeOf(parts: readonly Part[]): Pick<ScoredAnswer, 'text' | 'ids'> {
  const deltas = parts.flatMap((part) => (part.type === 'text-delta' ? [part] : []));
  const isWhole = deltas.every(({ tokens, ids }) => tokens === 0 || ids !== undefined);
  return {
    text: deltas.map(({ text }) => text).join(''),
    ids: isWhole ? deltas.flatMap(({ ids }) => ids ?? []) : undefined,
  };
}

/**
 * What a canary copies of a job. Nothing that a person has written is in it, which stop sequences and schemas may be, and of the
 * last message only how it looks.
 */
function shapeOf({ kind, input, params }: AskRequest): CanaryShape | undefined {
  if (kind !== 'chat' && kind !== 'completion') return undefined;
  const { maxTokens, temperature, topP, topK, minP } = params;
  const text = kind === 'chat' ? messageText(input.messages.at(-1)!) : input.prompt;
  return { kind, surface: surfaceOf(text), maxTokens, temperature, topP, topK, minP };
}

function canaryRequest(
  artefact: ArtefactId,
  { kind, surface: _surface, ...params }: CanaryShape,
  text: string,
): AskRequest {
  const input = kind === 'chat' ? { messages: [{ role: 'user', content: text }] } : { prompt: text };
  return { model: { artefact }, kind, input, params, tier: 'open', deadlineMs: canaryDeadlineMs } as AskRequest;
}
