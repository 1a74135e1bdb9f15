import { describe, expect, test } from 'vitest';
import { seededRandom, type Random } from '#lib/base/random.ts';
import type { Envelope } from '#lib/protocol/envelope.ts';
import type { AskerFrame, WorkerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { jobFixture, workerFixture } from '#lib/protocol/protocol.fixture.ts';
import { initialAsker, reduceAsker } from './asker.ts';
import type { AskerEffect, AskerEvent, AskerTimer } from './asker-spec.ts';
import type { AttemptEnd } from './attempt-end.ts';
import { reduceWorker } from './worker.ts';
import { initialWorker, type RunResult, type WorkerEffect, type WorkerEvent } from './worker-spec.ts';

/**
 * Both reducers against each other, without clock, net or engine: a seeded scheduler plays frames, timers, losses and the
 * person's wishes in any order over a channel that may break at any moment.
 */
const envelope = {} as Envelope;
const checks = { signature: true, worker: true, prompt: true, output: true, counts: true, payment: true };
const job = { ...jobFixture, params: { ...jobFixture.params, maxTokens: 4_000 } } as Job;

/** What an undisturbed worker would say: each answer is cut somewhere by what happens. */
const wholeAnswer = (tokens: number) => Array.from({ length: tokens }, (_, place) => `${place},`);

interface Link {
  readonly toWorker: AskerFrame[];
  readonly toAsker: WorkerFrame[];
  readonly armed: Set<string>;
  readonly sent: string[];
  readonly from: number;
  worker: typeof initialWorker;
  engine: { left: number; stopped: boolean } | undefined;
  alive: boolean;
  closedByAsker: boolean;
  lostTold: boolean;
  reports: number;
}

interface Faults {
  readonly kills: boolean;
  readonly timers: boolean;
  readonly wishes: boolean;
  /** A first word may be late. */
  readonly hedges: boolean;
}

function play(random: Random, faults: Faults) {
  let state = initialAsker;
  const armed = new Set<AskerTimer>();
  const links: Link[] = [];
  const told: string[] = [];
  const records: { attempt: number; end: AttemptEnd }[] = [];
  const todo: AskerEvent[] = [{ type: 'start', at: 0 }];
  let text = '';
  let resume: Job['resume'];
  const length = Math.floor(random.float() * 200);
  let ended = 0;
  let peers = 0;
  let hedged = 0;
  let tooLate = 0;

  const asker = (event: AskerEvent) => {
    const before = state;
    const [next, effects] = reduceAsker(state, event, 60_000);
    state = next;
    for (const effect of effects) onAsker(effect);
    if (event.type === 'hedged') {
      const isBegun = effects.some(({ type }) => type === 'open');
      if (isBegun) hedged += 1;
      else tooLate += 1;
    }
    if (before.step === 'over') expect(effects.every(({ type }) => type === 'drop' || type === 'record')).toBe(true);
  };
  const onAsker = (effect: AskerEffect) => {
    switch (effect.type) {
      case 'tell':
        told.push(effect.event.type);
        if (effect.event.type === 'part-received' && effect.event.part.type === 'text-delta')
          text += effect.event.part.text;
        break;
      case 'choose':
        resume = effect.resume;
        if (effect.attempt > 64) {
          todo.push({ type: 'nobody', at: 0, error: { code: 'no-peer-available', message: '' }, rejections: [] });
        } else todo.push(given('chosen'));
        break;
      case 'hedge':
        todo.push(given('hedged'));
        break;
      case 'open':
        links[effect.attempt - 1] = openLink();
        todo.push({ type: 'opened', at: 0, attempt: effect.attempt, path: 'direct' });
        break;
      case 'send':
        links[effect.attempt - 1]?.toWorker.push(effect.frame);
        break;
      case 'check':
        todo.push({ type: 'checked', at: 0, attempt: effect.attempt, checkpoint: { envelope, tokensOut: 1 } });
        break;
      case 'settle': {
        const { frame, attempt } = effect;
        const settlement = {
          usage: frame.usage,
          receipt: { receipt: envelope, countersign: envelope },
          receiptCheck: checks,
        };
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
        records.push(effect);
        break;
      case 'arm':
        armed.add(effect.timer);
        break;
      case 'disarm':
        armed.delete(effect.timer);
        break;
      case 'end':
        ended += 1;
        armed.clear();
    }
  };
  const given = (type: 'chosen' | 'hedged'): AskerEvent => {
    const engine = { name: 'e', build: '', deviceClass: '' };
    const peer = `${workerFixture.peer}${(peers += 1)}`;
    return {
      type,
      at: 0,
      job: { ...job, resume },
      worker: { peer, self: false, role: 'tab', engine, model: 'm', artefact: 'a', tier: 'open' },
      firstPartTimeoutMs: 1,
      stallTimeoutMs: 1,
      hedgeAfterMs: faults.hedges ? 1 : undefined,
      parts: ['text-delta'],
      dataBytesMax: 10,
      wasStopped: false,
    };
  };
  const openLink = (): Link => {
    const link: Link = {
      toWorker: [],
      toAsker: [],
      armed: new Set(),
      sent: [],
      from: resume?.tokens ?? 0,
      worker: initialWorker,
      engine: undefined,
      alive: true,
      closedByAsker: false,
      lostTold: false,
      reports: 0,
    };
    worker(link, { type: 'opened', files: [], place: { position: 0, etaMs: 0 }, deadlineMs: 1 });
    worker(link, { type: 'followed' });
    link.toAsker.push({ t: 'accepted', position: faults.hedges && random.float() < 0.9 ? 0 : 1, etaMs: 5 });
    return link;
  };
  const worker = (link: Link, event: WorkerEvent) => {
    const [next, effects] = reduceWorker(link.worker, event);
    link.worker = next;
    for (const effect of effects) onWorker(link, effect);
  };
  const onWorker = (link: Link, effect: WorkerEffect) => {
    switch (effect.type) {
      case 'start-engine':
        link.toAsker.push({ t: 'accepted', position: 0, etaMs: 0 });
        link.engine = { left: length - link.from, stopped: false };
        break;
      case 'stop-engine':
        if (link.engine) link.engine.stopped = true;
        break;
      case 'append':
        if (effect.frame.t === 'part' && effect.frame.part.type === 'text-delta')
          link.sent.push(effect.frame.part.text);
        link.toAsker.push(effect.frame);
        break;
      case 'sign-checkpoint':
        link.toAsker.push({ t: 'checkpoint', envelope });
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
        break;
      case 'report':
        link.reports += 1;
    }
  };
  const runEngine = (link: Link) => {
    const { engine } = link;
    if (!engine) return;
    const result = (reason: RunResult['reason']): RunResult => ({
      reason,
      usage: { tokensIn: 3, tokensOut: link.worker.tokensOut },
      timings: { ttftMs: 0, decodeMs: 0 },
    });
    if (engine.stopped || engine.left === 0) {
      link.engine = undefined;
      const code = link.worker.stopped?.code;
      if (engine.stopped && code !== 'cancelled' && code !== 'peer-lost') {
        worker(link, { type: 'failed', error: link.worker.stopped! });
      } else worker(link, { type: 'ran', result: result(engine.stopped ? 'cancelled' : 'stop') });
    } else {
      engine.left -= 1;
      const text = `${length - 1 - engine.left},`;
      worker(link, { type: 'part', part: { type: 'text-delta', text, tokens: 1 } });
    }
  };
  const loseFor = (link: Link, attempt: number) => {
    if (!link.lostTold) todo.push({ type: 'lost', at: 0, attempt, error: { code: 'peer-lost', message: '' } });
    link.lostTold = true;
    worker(link, { type: 'left' });
  };
  const actions = (mayFault: boolean): (() => void)[] => {
    const all: (() => void)[] = [];
    if (todo.length > 0) all.push(() => asker(todo.shift()!));
    links.forEach((link, index) => {
      const attempt = index + 1;
      const { toAsker, toWorker } = link;
      if (link.worker.phase === 'queued')
        all.push(() => worker(link, { type: 'placed', place: { position: 0, etaMs: 0 } }));
      // Where hedges are wanted, a first word takes its time.
      const isSlow = faults.hedges && link.worker.tokensOut === 0 && random.float() < 0.8;
      if (link.engine) all.push(isSlow ? () => undefined : () => runEngine(link));
      if (link.alive && toAsker.length > 0 && !link.closedByAsker) {
        all.push(() => asker({ type: 'frame', at: 0, attempt, frame: toAsker.shift()!, late: false }));
      }
      if (link.alive && toWorker.length > 0) {
        all.push(() => {
          const frame = toWorker.shift()!;
          if (frame.t === 'cancel') worker(link, { type: 'stop', error: { code: 'cancelled', message: '' } });
        });
      }
      if (link.alive && link.closedByAsker && toWorker.length === 0) {
        all.push(() => {
          link.alive = false;
          link.lostTold = true;
          worker(link, { type: 'left' });
        });
      }
      if (mayFault && faults.kills && link.alive && random.float() < 0.02) {
        all.push(() => {
          link.alive = false;
          loseFor(link, attempt);
        });
      }
      if (link.armed.has('checkpoint') && random.float() < 0.1)
        all.push(() => worker(link, { type: 'timer', timer: 'checkpoint' }));
      if (mayFault && faults.timers && random.float() < 0.01)
        all.push(() => worker(link, { type: 'timer', timer: 'deadline' }));
    });
    if (mayFault && faults.timers && random.float() < 0.01)
      for (const timer of armed) all.push(() => asker({ type: 'timer', timer, at: 0 }));
    if (armed.has('hedge')) {
      all.push(() => {
        armed.delete('hedge');
        asker({ type: 'timer', timer: 'hedge', at: 0 });
      });
    }
    if (mayFault && faults.wishes && random.float() < 0.01)
      all.push(() => asker({ type: random.float() < 0.7 ? 'stop' : 'leave', at: 0 }));
    if (random.float() < 0.05) all.push(() => asker({ type: random.float() < 0.5 ? 'paused' : 'resumed', at: 0 }));
    return all;
  };

  for (let step = 0; step < 20_000; step++) {
    const possible = actions(step < 2_000);
    if (possible.length === 0) {
      // Nothing is under way any more: only a timer can bring an end.
      const [timer] = armed;
      if (timer === undefined) break;
      armed.delete(timer);
      asker({ type: 'timer', timer, at: 0 });
    } else possible[Math.floor(random.float() * possible.length)]!();
  }
  return { state, links: links.filter(() => true), told, records, text, ended, length, hedged, tooLate };
}

const endings = new Set(['job-finished', 'job-failed', 'job-cancelled']);
const seeds = Array.from({ length: 300 }, (_, seed) => seed + 1);

describe('asker and worker, in any interleaving', () => {
  test.each([
    ['a sound channel', { kills: false, timers: false, wishes: false, hedges: false }],
    ['a channel that breaks', { kills: true, timers: false, wishes: false, hedges: false }],
    ['a person who stops or leaves', { kills: false, timers: false, wishes: true, hedges: false }],
    ['breaks, late timers and wishes at once', { kills: true, timers: true, wishes: true, hedges: false }],
    ['late first words', { kills: false, timers: false, wishes: false, hedges: true }],
    ['late first words and breaks', { kills: true, timers: false, wishes: false, hedges: true }],
    ['late first words, breaks, timers and wishes', { kills: true, timers: true, wishes: true, hedges: true }],
  ] as const)('%s', (_name, faults) => {
    const outcomes = new Set<string>();
    let [hedgesBegun, hedgesWon] = [0, 0];
    for (const seed of seeds) {
      const { state, links, told, records, text, ended, length, hedged, tooLate } = play(seededRandom(seed), faults);
      const won = told.filter((type) => type === 'worker-outrun').length;
      hedgesBegun += hedged;
      hedgesWon += won;
      const where = `seed ${seed}`;
      expect(won, where).toBeLessThanOrEqual(hedged);
      expect(state.step, where).toBe('over');
      expect(ended, where).toBe(1);
      expect(
        told.filter((type) => endings.has(type)),
        where,
      ).toHaveLength(1);
      outcomes.add(told.at(-1)!);
      // Every job a worker took comes to one end there, and is counted once.
      expect(
        links.map(({ reports }) => reports),
        where,
      ).toEqual(links.map(() => 1));
      // Whoever sent it: nothing lost in between, nothing twice.
      const whole = wholeAnswer(length);
      expect(whole.slice(0, state.job.tokens).join(''), where).toBe(text);
      if (told.includes('job-finished')) expect(text, where).toBe(whole.join(''));
      for (const [at, { fromToken, fromCharacter }] of state.job.attempts.entries()) {
        const { toToken, toCharacter } = state.job.attempts[at - 1] ?? { toToken: 0, toCharacter: 0 };
        expect([fromToken, fromCharacter], where).toEqual([toToken, toCharacter]);
      }
      if (state.job.usage && told.includes('job-finished')) expect(state.job.usage.tokensOut, where).toBe(length);
      // An honest worker on a sound channel is blamed for nothing, and each is judged once.
      if (!faults.kills && !faults.timers)
        expect(
          records.every(({ end }) => end.type !== 'lost'),
          where,
        ).toBe(true);
      expect(new Set(records.map(({ attempt }) => attempt)).size, where).toBe(records.length);
      expect(records.length, where).toBe(state.tried.length + tooLate);
    }
    if (faults.hedges) {
      expect(hedgesWon).toBeGreaterThan(10);
      expect(hedgesBegun - hedgesWon).toBeGreaterThan(10);
    }
    if (!faults.kills && !faults.wishes) expect([...outcomes]).toEqual(['job-finished']);
    if (faults.wishes) expect(outcomes).toContain('job-cancelled');
    if (faults.kills && faults.timers) expect(outcomes.size).toBe(3);
    if (faults.kills && !faults.timers) expect([...outcomes]).toEqual(['job-finished']);
  });
});
