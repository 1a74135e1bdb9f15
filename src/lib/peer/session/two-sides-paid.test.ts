import { describe, expect, test } from 'vitest';
import { seededRandom, type Random } from '#lib/base/random.ts';
import { chargeOf } from '#lib/protocol/charge.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { AskerFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { limits } from '#lib/protocol/limits.ts';
import { jobFixture, workerFixture } from '#lib/protocol/protocol.fixture.ts';
import { receiptTotals } from './asker-account.ts';
import type { AskerEffect, AskerEvent, AskerTimer } from './asker-spec.ts';
import { initialAsker, reduceAsker } from './asker.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { chargedOf } from './worker-account.ts';
import { initialWorker, isHeld, type RunResult, type WorkerEffect, type WorkerEvent } from './worker-spec.ts';
import { reduceWorker } from './worker.ts';

/**
 * Both sides of a paid job against each other, with a purse and a till that take their time: a seeded scheduler plays frames,
 * payments, timers, losses and the person's wishes in any order.
 */
const envelope = {} as Envelope;
const checks = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };
const job = { ...jobFixture, params: { ...jobFixture.params, maxTokens: 4_000 } } as Job;
const tokensIn = 3_000;

interface Link {
  readonly toWorker: AskerFrame[];
  readonly toAsker: (WorkerFrame & { due?: string })[];
  /** What the till and the purse have still to do. */
  readonly till: (() => void)[];
  readonly armed: Set<string>;
  readonly from: number;
  worker: typeof initialWorker;
  engine: { left: number; stopped: boolean } | undefined;
  alive: boolean;
  closedByAsker: boolean;
  lostTold: boolean;
  /** Tokens that were sent, and those that arrived. */
  sent: number;
  arrived: number;
  promised: bigint;
  received: bigint;
}

interface Faults {
  readonly kills: boolean;
  readonly money: boolean;
  readonly wishes: boolean;
}

function play(random: Random, faults: Faults) {
  const price = {
    in: String(Math.floor(random.float() * 3_000_000)),
    out: String(Math.floor(random.float() * 9_000_000)),
  };
  const length = Math.floor(random.float() * 400);
  const full = chargeOf(price, { in: tokensIn, out: length });
  const least = chargeOf(price, { in: tokensIn, out: 1 });
  const part = least + BigInt(Math.floor(random.float() * Number(full)));
  const budget = random.float() < 0.3 ? part : (full + least) * 4n;
  let state = initialAsker;
  const armed = new Set<AskerTimer>();
  const links: Link[] = [];
  const told: string[] = [];
  const records: AttemptEnd[] = [];
  const receipts: { link: Link; total: bigint; totals: readonly bigint[]; reason: string }[] = [];
  const todo: AskerEvent[] = [{ type: 'start', at: 0 }];
  const purse: (() => void)[] = [];
  const problems: string[] = [];
  let resume: Job['resume'];
  let peers = 0;
  const spent = () => links.reduce((sum, { promised }) => sum + promised, 0n);

  const asker = (event: AskerEvent) => {
    const [next, effects] = reduceAsker(state, event, 60_000);
    state = next;
    for (const effect of effects) onAsker(effect);
  };
  const onAsker = (effect: AskerEffect) => {
    switch (effect.type) {
      case 'tell':
        told.push(effect.event.type);
        break;
      case 'choose':
        resume = effect.resume;
        todo.push(effect.attempt > 24 || state.spent >= budget ? nobody : chosen());
        break;
      case 'open':
        links[effect.attempt - 1] = openLink();
        todo.push({ type: 'opened', at: 0, attempt: effect.attempt, path: 'direct' });
        break;
      case 'send':
        links[effect.attempt - 1]?.toWorker.push(effect.frame);
        break;
      case 'add-output':
        links[effect.attempt - 1]!.arrived += 'tokens' in effect.part ? effect.part.tokens : 0;
        break;
      case 'promise':
        purse.push(() => promise(links[effect.attempt - 1]!, effect));
        break;
      case 'settle': {
        const { attempt, frame } = effect;
        const link = links[attempt - 1]!;
        const total = link.worker.account!.paid;
        receipts.push({
          link,
          total,
          totals: receiptTotals(state.current!.account!).map(BigInt),
          reason: frame.reason,
        });
        const settlement = { usage: frame.usage, receipt: { receipt: envelope }, receiptCheck: checks };
        todo.push({ type: 'settled', at: 0, attempt, frame, settlement });
        break;
      }
      case 'close':
      case 'drop': {
        const link = links[effect.attempt - 1];
        if (link) link.closedByAsker = true;
        break;
      }
      case 'record':
        records.push(effect.end);
        break;
      case 'arm':
        armed.add(effect.timer);
        break;
      case 'disarm':
        armed.delete(effect.timer);
        break;
      case 'end':
        armed.clear();
    }
  };
  const nobody: AskerEvent = {
    type: 'nobody',
    at: 0,
    error: { code: 'no-peer-available', message: '' },
    rejections: [],
  };
  const chosen = (): AskerEvent => ({
    type: 'chosen',
    at: 0,
    job: { ...job, resume },
    worker: {
      peer: `${workerFixture.peer}${(peers += 1)}`,
      self: false,
      role: 'tab',
      engine: { name: 'e', build: '', deviceClass: '' },
      model: 'm',
      artefact: 'a',
      tier: 'open',
    },
    firstPartTimeoutMs: 1,
    stallTimeoutMs: 1,
    terms: { chain: 1, price, budget: budget - state.spent, inputMax: tokensIn, base: 0n },
    parts: ['text-delta'],
    dataBytesMax: 10,
    wasStopped: false,
  });
  const promise = (link: Link, { attempt, total }: Extract<AskerEffect, { type: 'promise' }>) => {
    const error = { code: 'session-expired', message: '' };
    if (faults.money && random.float() < 0.03) return asker({ type: 'purse-failed', at: 0, attempt, error });
    if (total > chargeOf(price, { in: tokensIn, out: link.arrived })) problems.push('paid for what had not come');
    if (total < link.promised) problems.push('promised less than before');
    link.promised = total;
    if (spent() > budget) problems.push('above the budget');
    asker({ type: 'promised', at: 0, attempt, total, voucher: Uint8Array.of(1) });
  };
  const openLink = (): Link => {
    const link: Link = {
      toWorker: [],
      toAsker: [],
      till: [],
      armed: new Set(),
      from: resume?.tokens ?? 0,
      worker: initialWorker,
      engine: undefined,
      alive: true,
      closedByAsker: false,
      lostTold: false,
      sent: 0,
      arrived: 0,
      promised: 0n,
      received: 0n,
    };
    const charge = { price, budget: budget - state.spent, tokensIn };
    worker(link, { type: 'opened', files: [], place: { position: 0, etaMs: 0 }, deadlineMs: 1, charge });
    worker(link, { type: 'followed' });
    return link;
  };
  const worker = (link: Link, event: WorkerEvent) => {
    const before = link.worker;
    const [next, effects] = reduceWorker(link.worker, event);
    link.worker = next;
    const isNew = next.place !== before.place || next.account?.isOpen !== before.account?.isOpen;
    if (isNew && next.account?.isOpen) link.toAsker.push({ t: 'accepted', ...next.place, ...chargedOf(next.account) });
    for (const effect of effects) onWorker(link, effect);
  };
  const onWorker = (link: Link, effect: WorkerEffect) => {
    switch (effect.type) {
      case 'open-till':
        link.till.push(() => worker(link, { type: 'admitted', paid: 0n }));
        break;
      case 'start-engine':
        link.engine = { left: Math.max(0, length - link.from), stopped: false };
        break;
      case 'stop-engine':
        if (link.engine) link.engine.stopped = true;
        break;
      case 'append':
        if (effect.frame.t === 'part' && 'tokens' in effect.frame.part) link.sent += effect.frame.part.tokens;
        link.toAsker.push(effect.frame);
        break;
      case 'sign-checkpoint':
        link.toAsker.push({ t: 'checkpoint', envelope, due: link.worker.account!.due.toString() });
        break;
      case 'sign-receipt': {
        const { reason, usage } = effect.result;
        worker(link, {
          type: 'signed',
          result: effect.result,
          frame: { t: 'finish', reason, usage, receipt: envelope },
        });
        break;
      }
      case 'arm':
        link.armed.add(effect.timer);
        break;
      case 'disarm':
        link.armed.delete(effect.timer);
    }
  };
  const runEngine = (link: Link) => {
    const engine = link.engine!;
    const result = (reason: RunResult['reason']): RunResult => ({
      reason,
      usage: { tokensIn: 0, tokensOut: link.worker.tokensOut },
      timings: { ttftMs: 0, decodeMs: 0 },
    });
    if (!engine.stopped && engine.left > 0) {
      engine.left -= 1;
      worker(link, { type: 'part', part: { type: 'text-delta', text: 'abcd', tokens: 1 } });
      if (link.worker.tokensOut - link.worker.account!.covered > limits.unpaidTokensMax) problems.push('unpaid chunk');
      return;
    }
    link.engine = undefined;
    const code = link.worker.stopped?.code;
    if (!engine.stopped) worker(link, { type: 'ran', result: result('stop') });
    else if (code === 'deadline') worker(link, { type: 'failed', error: link.worker.stopped! });
    else worker(link, { type: 'ran', result: result(code === 'unpaid' || code === 'budget' ? code : 'cancelled') });
  };
  const take = (link: Link, frame: AskerFrame) => {
    if (frame.t === 'cancel') worker(link, { type: 'stop', error: { code: 'cancelled', message: '' } });
    if (frame.t !== 'pay') return;
    link.till.push(() => {
      if (link.worker.phase === 'over') return;
      const error = { code: 'withdrawal-pending', message: '' };
      if (faults.money && random.float() < 0.03) return worker(link, { type: 'unpayable', error });
      const total = BigInt(frame.total!);
      if (total > link.promised) problems.push('received what was not promised');
      if (total > link.received) link.received = total;
      worker(link, { type: 'paid', paid: link.received });
    });
  };
  const hear = (attempt: number, { due, ...frame }: Link['toAsker'][number]) => {
    const link = links[attempt - 1]!;
    asker({
      type: 'frame',
      at: 0,
      attempt,
      frame: frame.t === 'accepted' ? { ...frame, ...(due ? { due } : {}) } : frame,
      late: false,
    });
    if (frame.t !== 'checkpoint' || state.current?.attempt !== attempt) return;
    const claim = { due: due!, tokensOut: link.arrived, bytes: link.arrived * 4 };
    asker({ type: 'checked', at: 0, attempt, checkpoint: { envelope, tokensOut: link.arrived }, claim });
  };
  const actions = (mayFault: boolean): (() => void)[] => {
    const all: (() => void)[] = [];
    if (todo.length > 0) all.push(() => asker(todo.shift()!));
    if (purse.length > 0) all.push(() => purse.shift()!());
    links.forEach((link, index) => {
      const { toAsker, toWorker, till } = link;
      if (link.worker.phase === 'queued')
        all.push(() => worker(link, { type: 'placed', place: { position: 0, etaMs: 0 } }));
      if (link.engine && (link.engine.stopped || !isHeld(link.worker)))
        for (let i = 0; i < 4; i++) all.push(() => link.engine && runEngine(link));
      if (till.length > 0) all.push(() => till.shift()!());
      if (link.alive && toAsker.length > 0 && !link.closedByAsker) all.push(() => hear(index + 1, toAsker.shift()!));
      if (link.alive && toWorker.length > 0) all.push(() => take(link, toWorker.shift()!));
      if (link.alive && link.closedByAsker && toWorker.length === 0) {
        all.push(() => {
          link.alive = false;
          link.lostTold = true;
          worker(link, { type: 'left' });
        });
      }
      if (mayFault && faults.kills && link.alive && random.float() < 0.003) {
        all.push(() => {
          link.alive = false;
          if (!link.lostTold)
            todo.push({ type: 'lost', at: 0, attempt: index + 1, error: { code: 'peer-lost', message: '' } });
          link.lostTold = true;
          worker(link, { type: 'left' });
        });
      }
      if (link.armed.has('checkpoint') && random.float() < 0.05)
        all.push(() => worker(link, { type: 'timer', timer: 'checkpoint' }));
      if (mayFault && faults.money && link.armed.has('unpaid') && random.float() < 0.02)
        all.push(() => worker(link, { type: 'timer', timer: 'unpaid' }));
      if (mayFault && faults.kills && random.float() < 0.0005)
        all.push(() => worker(link, { type: 'timer', timer: 'deadline' }));
    });
    if (mayFault && faults.wishes && random.float() < 0.002)
      all.push(() => asker({ type: random.float() < 0.7 ? 'stop' : 'leave', at: 0 }));
    return all;
  };

  for (let step = 0; step < 60_000; step++) {
    const possible = actions(step < 8_000);
    if (possible.length > 0) {
      possible[Math.floor(random.float() * possible.length)]!();
      continue;
    }
    const waiting = links.find(({ armed: timers, worker: { phase } }) => timers.has('unpaid') && phase !== 'over');
    const [timer] = armed;
    if (waiting) {
      waiting.armed.delete('unpaid');
      worker(waiting, { type: 'timer', timer: 'unpaid' });
    } else if (timer !== undefined) {
      armed.delete(timer);
      asker({ type: 'timer', timer, at: 0 });
    } else break;
  }
  return {
    state,
    links: links.filter(() => true),
    told,
    records,
    receipts,
    problems,
    price,
    budget,
    length,
    spent: spent(),
  };
}

const seeds = Array.from({ length: 200 }, (_, seed) => seed + 1);

describe('a paid job, in any interleaving', () => {
  test.each([
    ['a sound channel', { kills: false, money: false, wishes: false }],
    ['a channel that breaks', { kills: true, money: false, wishes: false }],
    ['a purse and tills that fail, and waits that end', { kills: false, money: true, wishes: false }],
    ['a person who stops or leaves', { kills: false, money: false, wishes: true }],
    ['everything at once', { kills: true, money: true, wishes: true }],
  ] as const)('%s', (_name, faults) => {
    const endings = new Set<string>();
    const reasons = new Set<string>();
    for (const seed of seeds) {
      const played = play(seededRandom(seed), faults);
      const { state, links, told, records, receipts, problems, price, budget, length, spent } = played;
      const where = `seed ${seed}`;
      const costOf = (units: number) => chargeOf(price, { in: 0, out: units }) + 1n;
      expect(problems, where).toEqual([]);
      expect(state.step, where).toBe('over');
      endings.add(told.at(-1)!);
      expect(spent, where).toBeLessThanOrEqual(budget);
      expect(state.spent, where).toBeGreaterThanOrEqual(spent);
      for (const link of links) {
        // Whoever was killed where: nobody is out by more than one chunk, and the input is paid before it is read.
        const earned = link.sent === 0 ? 0n : chargeOf(price, { in: tokensIn, out: link.sent });
        expect(earned - link.received, where).toBeLessThanOrEqual(costOf(limits.unpaidTokensMax));
        const due = chargeOf(price, { in: tokensIn, out: link.arrived });
        expect(link.promised, where).toBeLessThanOrEqual(due);
        expect(link.received, where).toBeLessThanOrEqual(link.promised);
        expect(link.worker.phase === 'over' || link.worker.phase === 'running', where).toBe(true);
      }
      for (const { total, totals, reason } of receipts) {
        reasons.add(reason);
        expect(totals, where).toContain(total);
        if (reason === 'stop' || reason === 'budget') expect(total, where).toBe(totals.at(-1));
      }
      // An honest worker is blamed for nothing that money did.
      for (const end of records) if (end.type === 'lost') expect(end.error.code, where).not.toBe('bad-frame');
      if (faults.kills || faults.money || faults.wishes) continue;
      const [link] = links;
      expect([links.length, link!.promised], where).toEqual([1, link!.received]);
      if (budget >= chargeOf(price, { in: tokensIn, out: length })) expect(state.job.tokens, where).toBe(length);
      else expect(state.job.reason, where).toBe('budget');
    }
    if (faults.wishes) expect(endings).toContain('job-cancelled');
    if (faults.money) expect([...reasons]).toEqual(expect.arrayContaining(['stop', 'unpaid']));
    if (!faults.money && !faults.wishes) expect([...reasons]).toEqual(expect.arrayContaining(['stop', 'budget']));
    if (!faults.kills && !faults.money && !faults.wishes) expect([...endings]).toEqual(['job-finished']);
    if (faults.kills && !faults.money && !faults.wishes) expect(endings).toContain('job-finished');
  });
});
