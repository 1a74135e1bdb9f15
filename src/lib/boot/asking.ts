import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Attempt } from '#lib/peer/session/attempt.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { AskRequest, Consumer, JobEvent, ReceiptCheck } from '#lib/peer/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { rowOf, type Tier } from '#lib/protocol/job.ts';
import type { AskingPort } from '#lib/state/tab.ts';
import type { Target } from '#lib/state/target.ts';
import { checkReceipt, tryOpenReceipt } from '#lib/trust/check.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import type { Session } from './sessions.ts';
import type { Sessions } from './sessions.ts';
import type { TabTiers } from './tiers.ts';

export interface AskingComponents {
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, 'asking' | 'during' | 'renewPrivate'>;
  readonly privateMode: () => boolean;
  /** Throws where this page cannot look the tier up. */
  readonly requireTier: TabTiers['require'];
  /** Name of the model that "any" means on this device. */
  readonly ownModel: () => string | undefined;
  /** Takes note of what went wrong. */
  readonly note: (event: JobEvent, worker: string | undefined, kind: AskRequest['kind'] | 'aside') => void;
}

/** Asking, as the pages know it: under whichever key this tab lives now. */
export function createAsking({
  clock,
  sessions,
  privateMode,
  note,
  requireTier,
  ownModel,
}: AskingComponents): AskingPort {
  async function* ask(
    request: AskRequest,
    session: Session,
    { signal, where, as = 'answer' }: Parameters<AskingPort['ask']>[1],
  ): AsyncIterable<JobEvent> {
    const { consumer, self } = session.peer;
    let worker: string | undefined;
    await requireTier(request.tier, { signal });
    const asked = where === 'this-device' ? onDevice(request, self, ownModel()) : request;
    for await (const event of consumer.ask(asked, { signal })) {
      if (event.type === 'worker-chosen') worker = event.worker.peer;
      note(event, worker, as === 'aside' ? as : request.kind);
      yield event;
    }
  }

  const prepare = createPrepare({
    clock,
    consumer: async () => (await sessions.asking()).peer.consumer,
    privateMode,
  });

  return {
    ask: (request, options) =>
      sessions.during(
        options.where === 'this-device' ? 'serving' : 'asking',
        (session) => ask(request, session, options),
        options,
      ),
    prepare: (target, tier) => prepare(target, tier).catch(() => undefined),
    renewPrivate: () => sessions.renewPrivate(),
    verify: async ({ answer, ids }, attempt) => verifyAttempt(answer, attempt, ids),
  };
}

/** The model that the page has said would answer. */
const onDevice = (request: AskRequest, self: PeerId, name: string | undefined): AskRequest => ({
  ...request,
  only: [self],
  ...(request.model === 'any' && name !== undefined ? { model: { name } } : {}),
});

export interface PrepareComponents {
  readonly clock: Clock;
  readonly consumer: () => Promise<Pick<Consumer, 'prepare'>>;
  readonly privateMode: () => boolean;
}

/** Half of the time that a way stays open: somebody who types on finds it open. */
const againMs = 4_000;

/**
 * Opens the way to whoever would answer, once somebody begins to type. Not in private mode: a worker that is not asked in
 * the end need not have heard of this device.
 */
export function createPrepare({ clock, consumer, privateMode }: PrepareComponents) {
  let last: { readonly atMs: number; readonly key: string } | undefined;
  return async ({ model, by }: Target, tier: Tier = 'open'): Promise<void> => {
    if (privateMode() || by === 'this-device') return;
    const [atMs, key] = [clock.elapsed(), `${by} ${model} ${tier}`];
    if (last?.key === key && atMs - last.atMs < againMs) return;
    last = { atMs, key };
    const asking = await consumer();
    await asking.prepare({ ...shortQuestion({ model, by }), tier });
  };
}

/** What stands for a question that has not been written yet. */
export const shortQuestion = ({ model, by }: Target): AskRequest => ({
  model: model === 'any' ? 'any' : { name: model },
  kind: 'chat',
  input: { messages: [{ role: 'user', content: '?' }] },
  params: { maxTokens: 1 },
  tier: 'open',
  only: by === 'anyone' ? undefined : [by],
});

/**
 * Checks the receipt of one attempt again, offline: from its bytes, the job as sent, and what was received of that worker.
 * What an offer said of the price is not kept, nor what was promised; both are taken from the receipt.
 * @param ids of the answer's last tokens, as many as came with one each.
 * @throws `no-receipt` when the worker gave none.
 */
export function verifyAttempt(answer: JobState, attempt: Attempt, ids: readonly number[] | undefined): ReceiptCheck {
  const { job, reason } = attempt.earlier ?? answer;
  const { worker, settlement } = attempt;
  if (!job || !settlement || !reason) throw new TabloomError('no-receipt', 'This answer has no receipt to check.');
  const opened = tryOpenReceipt(settlement.receipt.receipt);
  if (!opened) return { signature: false, worker: false, prompt: false, output: false, counts: false, payment: false };
  const receipt = opened.record;
  return checkReceipt(opened, {
    job: { ...job, artefact: worker.artefact, model: worker.model },
    asker: receipt.asker,
    worker: worker.peer,
    output: outputOf({ ...answer, job }, attempt, ids),
    payment: receipt.payment && { ...receipt.payment, totals: [receipt.payment.total] },
    reason,
    usage: settlement.usage,
    price: receipt.price,
    engine: worker.engine,
    askedAt: answer.startedAt ?? receipt.issuedAt,
    receivedAt: answer.endedAt ?? receipt.issuedAt,
  });
}

/** What one worker delivered. Thoughts, calls and files have no spans: only a worker that did it all delivered them. */
function outputOf({ job, output, tokens }: JobState, attempt: Attempt, ids: readonly number[] = []) {
  const root = createOutputRoot(rowOf(job!).outputHash);
  const { fromCharacter, toCharacter, fromToken, toToken } = attempt;
  const unnamed = tokens - ids.length;
  const isWhole = fromToken === 0 && toToken === tokens;
  if (isWhole) {
    if (output.reasoning !== '') root.add({ type: 'reasoning-delta', text: output.reasoning, tokens: 0 });
    output.toolCalls.forEach(({ id, name, arguments: text }, index) =>
      root.add({ type: 'tool-call-delta', index, id, name, arguments: text, tokens: 0 }),
    );
    output.data.forEach(({ mime, chunks }, index) => {
      for (const bytes of chunks) root.add({ type: 'data-delta', index, mime, bytes });
    });
  }
  root.add({
    type: 'text-delta',
    text: output.text.slice(fromCharacter, toCharacter),
    tokens: toToken - fromToken,
    ...(fromToken >= unnamed ? { ids: ids.slice(fromToken - unnamed, toToken - unnamed) } : {}),
  });
  return root.summary();
}
