import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditWindows, newAudit, reduceAudit, type AuditEffect, type AuditEvent, type AuditState } from './audit.ts';
import { draw, minuteMs, peers, revealOf, sealSalt, terms as trialTerms } from './trial.fixture.ts';
import type { Verdict } from '#lib/protocol/audit.ts';
import type { Place } from './trial-state.ts';
import { commitmentOf } from './vote.ts';

const terms = { worker: 'w', receipt: 'c'.repeat(64), issuedAt: 0, counts: 'both', windows: auditWindows } as const;
const committed = { type: 'epoch-committed', covers: true, round: 5, dueAt: 100_000, at: 10 } as const;
const opened = { type: 'opened', proof: 'holds', at: 200_000 } as const;

function run(...events: readonly AuditEvent[]) {
  let state = newAudit(terms, 0);
  const effects: AuditEffect[] = [];
  const take = (event: AuditEvent) => {
    const [next, more] = reduceAudit(state, event);
    state = next;
    effects.push(...more);
  };
  events.forEach(take);
  const pass = (minutes: number) => {
    for (let i = 0; i < minutes && state.phase !== 'settled'; i++) take({ type: 'tick', at: state.at + minuteMs });
    return self;
  };
  const self = { pass, take, effects, types: () => effects.map(({ type }) => type), get: () => state };
  return self;
}
const outcomeOf = (state: AuditState) => (state.phase === 'settled' ? state.outcome : state.phase);

test('from the receipt to a judged suspicion', () => {
  const audit = run(committed);
  expect(audit.get().phase).toBe('committed');
  audit.take({ type: 'tick', at: 100_001 });
  expect(audit.effects).toEqual([{ type: 'ask-beacon', round: 5 }]);
  audit.take({ type: 'beacon', result: 'value', at: 100_002 });
  audit.take(opened);
  audit.take({ type: 'scored', verdict: 'failed', trial: trialTerms, at: 300_000 });
  expect(audit.types()).toEqual(['ask-beacon', 'ask-opening', 'score', 'accuse', 'draw']);
  expect(audit.get()).toMatchObject({ phase: 'tried', trial: { phase: 'drawing' } });
  audit.take({ type: 'drawn', draw, at: 300_001 });
  expect(audit.get()).toMatchObject({ trial: { phase: 'committing' } });
});

test('most leaves are not picked, most that are pass, and neither goes further', () => {
  const picked: AuditEvent = { type: 'beacon', result: 'value', at: 100_002 };
  expect(outcomeOf(run(committed, picked, { ...opened, proof: 'not-picked' }).get())).toBe('not-picked');
  for (const verdict of ['passed', 'undecided'] as const) {
    const audit = run(committed, picked, opened, { type: 'scored', verdict, at: 1 });
    expect(outcomeOf(audit.get())).toBe(verdict);
    expect(audit.types()).not.toContain('accuse');
  }
  expect(outcomeOf(run(committed, picked, { type: 'not-released', at: 1 }).get())).toBe('not-released');
  expect(outcomeOf(run(committed, picked, opened, { type: 'scored', verdict: 'failed', at: 1 }).get())).toBe(
    'undecided',
  );
  expect(outcomeOf(run(committed, picked, opened).pass(20).get())).toBe('undecided');
});

test('a worker that does not commit, commits too late, leaves the receipt out or never opens it is unresponsive, no more', () => {
  const picked: AuditEvent = { type: 'beacon', result: 'value', at: 100_002 };
  const reasonOf = (audit: ReturnType<typeof run>) => {
    expect(outcomeOf(audit.get())).toBe('unresponsive');
    for (const type of ['accuse', 'derank', 'dispute']) expect(audit.types()).not.toContain(type);
    return audit.effects.flatMap((effect) => (effect.type === 'unresponsive' ? [effect.reason] : []));
  };
  expect(reasonOf(run().pass(181))).toEqual(['no-commitment']);
  expect(reasonOf(run({ ...committed, at: 100_000 }))).toEqual(['late-commitment']);
  expect(reasonOf(run(committed, picked, { ...opened, proof: 'absent' }))).toEqual(['left-out']);
  const silent = run(committed, picked);
  silent.pass(15);
  expect(outcomeOf(silent.get())).toBe('picked');
  expect(reasonOf(silent.pass(15))).toEqual(['not-opened']);
  expect(silent.types().filter((type) => type === 'ask-opening')).toHaveLength(auditWindows.openingAsksMax);
});

test('a failed score waits for its turn to be accused, longer than the score itself may take, and not for ever', () => {
  const picked: AuditEvent = { type: 'beacon', result: 'value', at: 100_002 };
  const failed = { type: 'failed', at: 100_005 } as const;
  const waiting = run(committed, picked, { ...opened, proof: 'holds', at: 100_004 }, failed);
  const at = failed.at + auditWindows.turnMs;
  waiting.take({ type: 'tick', at });
  expect([waiting.get().phase, waiting.types()]).toEqual(['opened', ['ask-opening', 'score']]);
  waiting.take({ type: 'tick', at: at + 1 });
  expect(outcomeOf(waiting.get())).toBe('undecided');
  expect(run(committed, failed).types()).toEqual(['refused']);
});

test('false proofs at once do not use up the worker’s window', () => {
  const audit = run(committed, { type: 'beacon', result: 'value', at: 100_002 });
  for (let i = 0; i < 50; i++) audit.take({ ...opened, proof: 'fails', at: 100_003 });
  expect(audit.get().phase).toBe('picked');
  audit.take(opened);
  expect(audit.get().phase).toBe('opened');
});

test('a beacon that never comes blames nobody', () => {
  const audit = run(committed).pass(2);
  for (const result of ['not-yet', 'missing', 'forged'] as const) audit.take({ type: 'beacon', result, at: 1 });
  expect(audit.get().phase).toBe('committed');
  expect(outcomeOf(audit.pass(60).get())).toBe('no-beacon');
  expect(audit.types().filter((type) => type === 'ask-beacon')).toHaveLength(auditWindows.beaconAsksMax);
});

test('an epoch of another time is waited past; what comes out of turn has a code', () => {
  const audit = run({ ...committed, covers: false });
  expect(audit.get().phase).toBe('receipted');
  audit.take({ ...opened, at: 1 });
  audit.take({ type: 'unsealed', salt: sealSalt, truth: 'real', at: 1 });
  audit.take({ type: 'scored', verdict: 'failed', trial: trialTerms, at: 1 });
  audit.take({ type: 'beacon', result: 'value', at: 1 });
  audit.take(committed);
  audit.take(committed);
  expect(audit.effects).toEqual(Array.from({ length: 5 }, () => ({ type: 'refused', code: 'wrong-phase' })));
});

const at = fc.integer({ min: 0, max: 20 * minuteMs });
const peer = fc.constantFrom(...peers, 'w');
/** Of all validators in a run; undefined: each says now this, now that. */
const opinion = fc.constantFrom('guilty' as const, 'innocent' as const, undefined);
const verdict = fc.constantFrom('guilty', 'innocent', 'undecided');
/** The one that is open now, nine times out of ten. */
const place = fc.oneof(
  { weight: 9, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.record({ round: fc.constantFrom(1, 2), sitting: fc.constantFrom(1, 2) }) },
);
/** Times are steps from the last event, forward and sometimes back. */
const event = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('tick'), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('tick'), at: fc.constant(-5 * minuteMs) }) },
  { weight: 3, arbitrary: fc.constant({ ...committed, at: 0 }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('beacon'), at, result: fc.constantFrom('value', 'missing', 'forged') }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('opened'), at, proof: fc.constantFrom('holds', 'fails') }) },
  { weight: 3, arbitrary: fc.constant({ type: 'scored', verdict: 'failed', trial: trialTerms, at: 0 }) },
  { weight: 4, arbitrary: fc.constant({ type: 'drawn', draw, at: 0 }) },
  {
    weight: 40,
    arbitrary: fc.record({ type: fc.constant('committed'), at: fc.constant(0), validator: peer, verdict, place }),
  },
  {
    weight: 40,
    arbitrary: fc.record({ type: fc.constant('revealed'), at: fc.constant(0), validator: peer, verdict, place }),
  },
  { weight: 4, arbitrary: fc.constant({ type: 'unsealed', salt: sealSalt, truth: 'real', at: 0 }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('appealed'), by: peer, appealedAt: fc.constant(0), at: fc.constant(0) }),
  },
);

interface Raw {
  readonly type: string;
  readonly at: number;
  readonly validator?: string;
  readonly verdict?: Verdict;
  readonly place?: Place | undefined;
}

function eventOf(raw: Raw, state: AuditState): AuditEvent {
  const at = state.at + raw.at;
  const { validator, verdict: says } = raw;
  if (validator === undefined || says === undefined) return { ...raw, at } as AuditEvent;
  const here = state.phase === 'tried' ? state.trial : { round: 1 as const, sitting: 1 };
  const { round, sitting } = raw.place ?? here;
  const reveal = revealOf(validator, says, { round, sitting });
  if (raw.type === 'revealed') return { type: 'revealed', at, reveal };
  return { type: 'committed', at, validator, commitment: commitmentOf(reveal), round, sitting };
}

const toPanel: readonly AuditEvent[] = [
  committed,
  { type: 'beacon', result: 'value', at: 20 },
  { ...opened, at: 30 },
  { type: 'scored', verdict: 'failed', trial: trialTerms, at: 40 },
];

test('whatever happens in whatever order, nobody is convicted without a quorum of distinct others, and it ends once', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(event, { maxLength: 250, size: 'max' }), fc.boolean(), opinion, (raws, isTried, says) => {
      let state = newAudit(terms, 0);
      const effects: AuditEffect[] = [];
      const take = (one: AuditEvent) => {
        const [next, more] = reduceAudit(state, one);
        for (const effect of more) {
          if (effect.type === 'dispute') {
            const guilty = effect.evidence.votes.filter((vote) => vote.verdict === 'guilty');
            const voters = new Set(guilty.map(({ validator }) => validator));
            expect(voters.size).toBe(guilty.length);
            expect(voters.size).toBeGreaterThanOrEqual(3);
            for (const party of ['w', 'v7', 'v8']) expect(voters.has(party)).toBe(false);
          }
        }
        expect(next.at).toBeGreaterThanOrEqual(state.at);
        expect(next.terms).toEqual(terms);
        effects.push(...more);
        state = next;
      };
      if (isTried) toPanel.forEach(take);
      for (const raw of raws as readonly Raw[])
        take(eventOf(raw.validator !== undefined && says ? { ...raw, verdict: says } : raw, state));
      for (let i = 0; i < 2_500 && state.phase !== 'settled'; i++) take({ type: 'tick', at: state.at + minuteMs });
      expect(state.phase).toBe('settled');
      const count = (type: AuditEffect['type']) => effects.filter((effect) => effect.type === type).length;
      expect(count('settled')).toBe(1);
      expect(count('dispute')).toBeLessThanOrEqual(1);
      expect(count('restore')).toBeLessThanOrEqual(count('derank'));
      const outcome = outcomeOf(state);
      seen.add(outcome);
      if (outcome === 'convicted') expect(count('dispute')).toBe(1);
      const settled = state;
      take({ type: 'tick', at: state.at + minuteMs });
      expect(state).toBe(settled);
    }),
    { seed: 11, numRuns: 150 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(['cleared', 'convicted', 'undecided', 'no-beacon']));
});

test('an auditor that was away goes on in each phase, and blames nobody for what it missed', () => {
  const picked: AuditEvent = { type: 'beacon', result: 'value', at: 100_002 };
  const resumed = { type: 'resumed', at: 400_000 } as const;
  // No commitment was heard, which may have been said meanwhile.
  const receipted = run(resumed).pass(181);
  expect(outcomeOf(receipted.get())).toBe('undecided');
  expect(receipted.types()).toEqual(['settled']);
  expect(run(resumed, { ...committed, at: 50_000, dueAt: 900_000 }).get().phase).toBe('committed');

  // The last of its asks was under way: there is another.
  const waiting = run(committed).pass(41);
  expect(waiting.get()).toMatchObject({ phase: 'committed', asks: auditWindows.beaconAsksMax });
  waiting.take({ ...resumed, at: waiting.get().at });
  expect(waiting.pass(1).types().at(-1)).toBe('ask-beacon');
  const unopened = run(committed, picked).pass(15);
  const asked = unopened.types().length;
  unopened.take({ ...resumed, at: unopened.get().at + 10 * minuteMs });
  expect(unopened.pass(1).types().slice(asked)).toEqual(['ask-opening']);

  const late = run(committed, picked, opened);
  late.take({ ...resumed, at: 200_000 + 60 * minuteMs });
  expect(late.types().slice(-1)).toEqual(['score']);
  expect(late.pass(5).get().phase).toBe('opened');
});

test('an accusation goes on where its trial stands, and is none where nobody heard of it', () => {
  const tried = () =>
    run(committed, { type: 'beacon', result: 'value', at: 100_002 }, opened, {
      type: 'scored',
      verdict: 'failed',
      trial: trialTerms,
      at: 300_000,
    });
  const audit = tried();
  const { trial } = audit.get() as Extract<AuditState, { phase: 'tried' }>;
  audit.take({ type: 'resumed', at: 400_000, trial: { ...trial, phase: 'committing', sitting: 2 } });
  expect(audit.get()).toMatchObject({ phase: 'tried', trial: { sitting: 2 } });
  audit.take({ type: 'resumed', at: 400_001, trial: { ...trial, phase: 'settled', outcome: 'cleared' } });
  expect(outcomeOf(audit.get())).toBe('cleared');
  const unheard = tried();
  unheard.take({ type: 'resumed', at: 400_000 });
  expect(outcomeOf(unheard.get())).toBe('undecided');
});
