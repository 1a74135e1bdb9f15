import { silentLogger } from '#lib/base/logger.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { AuditOutcomeEffect } from '#lib/peer/audit/auditing.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { auditShareOf, auditShares } from '#lib/trust/audit-share.ts';
import { bundledRows } from '../../relay/audit/bundled-rows.ts';
import { openOwnRecord } from '../../relay/audit/own-record.ts';
import { startOtherKernel } from './kernels.ts';
import { answerOfEvents } from './measured-rows.ts';
import { heldSeries } from './published.ts';
import { manyQuestions } from './series.ts';
import { cheats, loadLlama, requestFor, type Answer } from './workers.ts';

/** What a relay's record makes of the answers of one worker, of which hardly any shows by itself what it is. */
export interface SeriesRow {
  readonly worker: string;
  readonly answers: number;
  readonly tokens: number;
  /** Answers that a panel would convict of, and those that the relay doubts. */
  readonly failed: number;
  readonly doubted: number;
  readonly isConvicted: boolean;
  /** Tokens within which docs/VERIFICATION.md says that its series convicts. */
  readonly held: number | undefined;
  /** Of its next answers, which share would be audited. */
  readonly share: number;
}

/** Too like the bundled model for one answer to show it, but seldom. */
const subtle = ['noise', 'prompt', 'q4'] as const;
const honestTokens = 3_000;

export async function playSeries(say: (line: string) => void): Promise<{
  readonly rows: readonly SeriesRow[];
  readonly complaints: readonly string[];
}> {
  const { loaded, close } = await loadLlama({ threads: 1 });
  const rows: SeriesRow[] = [];
  const complaints: string[] = [];
  try {
    const kernel = await startOtherKernel();
    const honest = await follow(loaded, 'honest, with other kernels', honestTokens, async (question) =>
      answerOfEvents(question, await kernel.answer(requestFor(question, 0))),
    );
    kernel.close();
    rows.push({ ...honest, held: undefined });
    if (honest.isConvicted || honest.doubted > 0) complaints.push('The series of an honest worker is in doubt.');
    for (const name of subtle) {
      const { title, start } = cheats[name]!;
      const worker = await start();
      const { within } = heldSeries(title);
      const found = await follow(loaded, title, within ?? 0, (question) => worker.answer(question, 0, 0));
      await worker.close();
      rows.push({ ...found, held: within });
      if (!found.isConvicted) complaints.push(`${title}: not convicted within ${within} tokens, as published.`);
      say(`${title}: ${found.tokens} tokens.`);
    }
  } finally {
    await close();
  }
  return { rows, complaints };
}

/** Scores its answers into a relay's own record, until that convicts its worker, or has seen so many tokens. */
async function follow(
  { engine, score, model }: LoadedModel,
  worker: string,
  tokensMax: number,
  ask: (question: string) => Promise<Answer>,
): Promise<Omit<SeriesRow, 'held'>> {
  const storage = createMemoryStorage();
  const given = { self: 'relay', logger: silentLogger, scoredBy: () => engine, published: bundledRows };
  const record = await openOwnRecord({ ...given, storage });
  const known = () => record.known(worker);
  const isConvicted = () => (known()?.convictions ?? 0) > 0;
  let [answers, tokens, failed, doubted] = [0, 0, 0, 0];
  for (const question of manyQuestions(questionsMax)) {
    const { ids, ending } = await ask(question);
    if (ids.length === 0) continue;
    const prompt = requestFor(question, 0);
    const scores = await score!({ prompt, answer: ids, ending }, {});
    const { artefact } = model;
    const receipt = { artefact, engine, worker, reason: ending, tokensOut: ids.length, params: prompt.params };
    const judged = record.ownJudge(scores, { ...prompt, artefact } as Job, receipt as unknown as Receipt);
    answers += 1;
    tokens += ids.length;
    if (judged.verdict === 'failed') failed += 1;
    if (judged.isBeyond) doubted += 1;
    const hash = answers.toString(16).padStart(64, '0');
    const opened = { hash, record: receipt } as unknown as Scored['receipt'];
    record.onEffect({ of: 'score', counts: 'both', judged, receipt: opened });
    if (isConvicted() || tokens >= tokensMax) break;
  }
  const share = auditShareOf(known(), auditShares.floor);
  return { worker, answers, tokens, failed, doubted, isConvicted: isConvicted(), share };
}
const questionsMax = 1_600;

type Scored = Extract<AuditOutcomeEffect, { readonly of: 'score' }>;
