import { expect, test } from 'vitest';
import type { Reveal } from '#lib/protocol/audit.ts';
import { trialWindows } from './trial-state.ts';
import { draw, peers, revealOf, runTrial, sealSalt, seatedTrial, terms } from './trial.fixture.ts';
import { sealOf } from './vote.ts';

test('a cheat is convicted by three, appeals, and loses before five', () => {
  const trial = seatedTrial();
  expect(trial.state.seated).toHaveLength(3);
  trial.vote(() => 'guilty');
  expect(trial.state).toMatchObject({ phase: 'unsealing', finding: 'guilty' });
  // Nothing is done to anybody before the seal is open.
  expect(trial.types()).not.toContain('derank');
  trial.unseal();
  expect(trial.state.phase).toBe('appealable');
  expect(trial.effects.slice(-2)).toMatchObject([
    { type: 'derank', worker: 'w' },
    { type: 'dispute', worker: 'w', receiptHash: terms.receipt, evidence: { votes: [{}, {}, {}] } },
  ]);
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  expect(trial.state).toMatchObject({ phase: 'drawing', round: 2 });
  trial.now({ type: 'drawn', draw: { ...draw, randomness: new Uint8Array(32).fill(4) } });
  expect(trial.state.seated).toHaveLength(5);
  trial.vote(() => 'guilty');
  expect(trial.state).toMatchObject({ phase: 'settled', outcome: 'convicted' });
  expect(trial.types().filter((type) => type === 'dispute' || type === 'settled')).toEqual(['dispute', 'settled']);
});

test('without an appeal a conviction settles when its window is over', () => {
  const trial = seatedTrial();
  trial.vote(() => 'guilty');
  trial.unseal();
  trial.pass(trialWindows.appealMs / 60_000);
  expect(trial.state.phase).toBe('appealable');
  trial.pass(1);
  expect(trial.state.outcome).toBe('convicted');
});

test('an honest worker is cleared, and who accused it is marked', () => {
  const trial = seatedTrial();
  trial.vote(() => 'innocent');
  trial.unseal();
  expect(trial.state.outcome).toBe('cleared');
  expect(trial.effects).toContainEqual({ type: 'mark-accuser', accuser: 'v7', code: 'false-accusation' });
  expect(trial.types()).not.toContain('derank');
});

test('round two can take a conviction back', () => {
  const trial = seatedTrial();
  trial.vote(() => 'guilty');
  trial.unseal();
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  trial.now({ type: 'drawn', draw });
  trial.vote((_, seat) => (seat === 0 ? 'guilty' : 'innocent'));
  expect(trial.state.outcome).toBe('cleared');
  expect(trial.effects).toContainEqual({ type: 'restore', worker: 'w' });
  expect(trial.effects).toContainEqual({ type: 'mark-accuser', accuser: 'v7', code: 'overturned' });
});

test('no party judges, and one of the worker’s own engine class sits on the panel', () => {
  const seated = new Set<string>();
  for (let i = 0; i < 30; i++) {
    const trial = runTrial();
    trial.at(1, { type: 'drawn', draw: { ...draw, randomness: new Uint8Array(32).fill(i) } });
    expect(trial.state.seated).toContain('v3');
    for (const peer of [...trial.state.seated, ...trial.state.waiting]) seated.add(peer);
  }
  expect([...seated].sort()).toEqual(peers.slice(0, 7));
});

test('a split panel is followed by a second at other positions, and both count; a split of both convicts nobody', () => {
  const trial = seatedTrial();
  trial.vote((_, seat) => (seat === 0 ? 'innocent' : 'guilty'));
  expect(trial.state).toMatchObject({ phase: 'committing', sitting: 2 });
  expect(trial.state.seated).toHaveLength(3);
  trial.vote(() => 'guilty');
  expect(trial.state.finding).toBe('guilty');
  expect(new Set(trial.state.counted.map(({ validator }) => validator)).size).toBe(6);

  const other = seatedTrial();
  other.vote((_, seat) => (seat === 0 ? 'innocent' : 'guilty'));
  other.vote((_, seat) => (seat === 0 ? 'guilty' : 'innocent'));
  other.unseal();
  expect(other.state.outcome).toBe('dismissed');
  expect(other.types()).not.toContain('mark-accuser');
});

test('sleepers are replaced, and named; with nobody left those who are there go on', () => {
  const trial = seatedTrial();
  const [one = ''] = trial.state.seated;
  trial.commit(one, 'guilty');
  trial.pass(11);
  expect(trial.faults()).toHaveLength(2);
  expect(trial.state.seated).toHaveLength(3);
  expect(trial.state.seated).toContain(one);
  trial.pass(11);
  trial.pass(11);
  expect(trial.state.phase).toBe('revealing');
  trial.now({ type: 'revealed', reveal: revealOf(one, 'guilty', trial.state) });
  // Those who slept are called once more. One vote is no quorum.
  expect(trial.state).toMatchObject({ phase: 'committing', sitting: 2 });
  trial.pass(40);
  expect(trial.state.outcome).toBe('undecided');
});

test('machines that are late for an appeal are called again, and the conviction holds; where they stay late nobody is found wrong', () => {
  const appealed = () => {
    const trial = seatedTrial();
    trial.vote(() => 'guilty');
    trial.unseal();
    trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
    trial.now({ type: 'drawn', draw });
    // Two of seven are in time, and nobody is left to call.
    const there = trial.state.seated.slice(0, 2);
    for (const one of there) trial.commit(one, 'guilty');
    while (trial.state.phase === 'committing') trial.pass(11);
    for (const one of there) trial.now({ type: 'revealed', reveal: revealOf(one, 'guilty', trial.state) });
    expect(trial.state).toMatchObject({ phase: 'committing', round: 2, sitting: 2 });
    for (const one of there) expect(trial.state.seated).not.toContain(one);
    return trial;
  };
  const late = appealed();
  late.vote(() => 'guilty');
  expect(late.state.outcome).toBe('convicted');
  expect(new Set(late.state.counted.map(({ validator }) => validator)).size).toBe(7);

  const later = appealed();
  later.pass(60);
  expect(later.state.outcome).toBe('undecided');
  expect(later.effects).toContainEqual({ type: 'restore', worker: 'w' });
  expect(later.types()).not.toContain('mark-accuser');
});

test('a trial in which nobody does anything ends, and convicts nobody', () => {
  const trial = seatedTrial();
  trial.pass(200);
  expect(trial.state.outcome).toBe('undecided');
  expect(new Set(trial.faults())).toHaveLength(7);
  const alone = seatedTrial({ candidates: [] });
  alone.pass(30);
  expect(alone.state.outcome).toBe('undecided');
  const dark = runTrial();
  dark.pass(30);
  expect(dark.state.outcome).toBe('no-beacon');
});

test('a beacon that fails after an appeal leaves the worker as it was', () => {
  const trial = seatedTrial();
  trial.vote(() => 'guilty');
  trial.unseal();
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  trial.pass(10);
  expect(trial.state.outcome).toBe('no-beacon');
  expect(trial.effects).toContainEqual({ type: 'restore', worker: 'w' });
});

test('what is late, foreign, changed or told twice has a code, and does not count', () => {
  const trial = seatedTrial();
  const [a = '', b = '', c = ''] = trial.state.seated;
  const stranger = trial.state.waiting[0]!;
  const place = { round: 1, sitting: 1 } as const;
  trial.commit(stranger, 'guilty');
  trial.now({ type: 'committed', validator: a, commitment: 'd'.repeat(64), round: 2, sitting: 1 });
  trial.now({ type: 'revealed', reveal: revealOf(a, 'guilty', place) });
  trial.commit(a, 'guilty');
  trial.commit(a, 'guilty');
  trial.commit(b, 'innocent');
  trial.commit(c, 'guilty');
  expect(trial.codes()).toEqual(['not-on-panel', 'wrong-sitting', 'wrong-phase', 'duplicate']);
  expect(trial.state.phase).toBe('revealing');
  trial.commit(stranger, 'guilty');
  trial.now({ type: 'revealed', reveal: revealOf(stranger, 'guilty', place) });
  trial.now({ type: 'revealed', reveal: revealOf(a, 'guilty', { round: 1, sitting: 2 }) });
  // It committed to the other verdict.
  trial.now({ type: 'revealed', reveal: revealOf(b, 'guilty', place) });
  trial.now({ type: 'revealed', reveal: revealOf(b, 'innocent', place) });
  trial.now({ type: 'revealed', reveal: revealOf(a, 'guilty', place) });
  trial.now({ type: 'revealed', reveal: revealOf(a, 'guilty', place) });
  expect(trial.codes().slice(4)).toEqual([
    'late-commitment',
    'no-commitment',
    'wrong-sitting',
    'changed-mind',
    'duplicate',
    'duplicate',
  ]);
  // c says nothing in its window.
  trial.pass(11);
  expect(trial.faults()).toEqual([`${b} changed-mind`, `${c} no-reveal`]);
  expect(trial.state.counted).toEqual([expect.objectContaining({ validator: a, verdict: 'guilty' })]);
  trial.now({ type: 'revealed', reveal: revealOf(c, 'guilty', place) });
  expect(trial.codes().at(-1)).toBe('wrong-sitting');
});

test('a second commitment that differs voids both', () => {
  const trial = seatedTrial();
  const [a = ''] = trial.state.seated;
  trial.commit(a, 'guilty');
  trial.commit(a, 'innocent');
  expect(trial.faults()).toEqual([`${a} changed-mind`]);
  const place = { round: 1, sitting: 1 } as const;
  for (const one of trial.state.seated.slice(1)) trial.commit(one, 'guilty');
  for (const one of trial.state.seated) trial.now({ type: 'revealed', reveal: revealOf(one, 'guilty', place) });
  expect(trial.state).toMatchObject({ phase: 'committing', sitting: 2, counted: [{}, {}] });
});

test('copied values, none, and guessed ones do not count', () => {
  const trial = seatedTrial();
  const [a = '', b = '', c = ''] = trial.state.seated;
  const place = { round: 1, sitting: 1 } as const;
  const copied: Partial<Reveal> = { values: revealOf(a, 'guilty', place).values };
  const told: readonly (readonly [string, Partial<Reveal>])[] = [
    [a, {}],
    [b, copied],
    [c, { values: [] }],
  ];
  for (const [one, over] of told) trial.commit(one, 'guilty', over);
  for (const [one, over] of told.toReversed())
    trial.now({ type: 'revealed', reveal: revealOf(one, 'guilty', place, over) });
  expect(trial.faults().sort()).toEqual([`${b} copied`, `${c} no-values`].sort());
  expect(trial.state.counted).toHaveLength(1);

  const guessed = seatedTrial();
  const lazy = guessed.state.seated[1]!;
  const guesses = { values: [-9, -9, -9, -9, -9, -9] };
  for (const one of guessed.state.seated) guessed.commit(one, 'guilty', one === lazy ? guesses : {});
  for (const one of guessed.state.seated)
    guessed.now({ type: 'revealed', reveal: revealOf(one, 'guilty', place, one === lazy ? guesses : {}) });
  expect(guessed.faults()).toEqual([`${lazy} stray-values`]);
});

test('planted tasks find who did not look, and convict nobody', () => {
  const seal = sealOf(terms.audit, sealSalt, 'planted-guilty');
  const trial = seatedTrial({ seal });
  trial.vote(() => 'innocent');
  trial.now({ type: 'unsealed', salt: sealSalt, truth: 'real' });
  expect(trial.codes()).toEqual(['bad-seal']);
  trial.now({ type: 'unsealed', salt: sealSalt, truth: 'planted-guilty' });
  expect(trial.state.outcome).toBe('planted');
  expect(trial.faults().map((fault) => fault.slice(3))).toEqual(['missed-plant', 'missed-plant', 'missed-plant']);
  expect(trial.types()).not.toContain('mark-accuser');

  const good = seatedTrial({ seal: sealOf(terms.audit, sealSalt, 'planted-innocent') });
  good.vote(() => 'guilty');
  good.now({ type: 'unsealed', salt: sealSalt, truth: 'planted-innocent' });
  expect(good.state.outcome).toBe('planted');
  expect(good.faults()).toHaveLength(3);
  for (const type of ['derank', 'dispute']) expect(good.types()).not.toContain(type);
});

test('a seal that stays closed saves no cheat', () => {
  const trial = seatedTrial();
  trial.vote(() => 'guilty');
  trial.pass(11);
  expect(trial.state.phase).toBe('appealable');
});

test('only the worker appeals, once, and in time', () => {
  const trial = seatedTrial();
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  trial.vote(() => 'guilty');
  trial.unseal();
  trial.now({ type: 'appealed', by: 'v1', appealedAt: 0 });
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  expect(trial.codes()).toEqual(['wrong-phase', 'not-a-party', 'wrong-phase']);
  trial.now({ type: 'drawn', draw });
  trial.vote(() => 'guilty');
  trial.now({ type: 'appealed', by: 'w', appealedAt: 0 });
  expect(trial.state.outcome).toBe('convicted');
});

test('a clock that jumps ahead gives the window back, a few times; one that is set back does nothing', () => {
  const trial = seatedTrial();
  const hour = 3_600_000;
  trial.at(trial.state.at + hour);
  expect(trial.codes()).toEqual(['clock-jump']);
  expect(trial.state.phase).toBe('committing');
  expect(trial.faults()).toEqual([]);
  const before = trial.state;
  trial.at(5);
  expect(trial.codes().at(-1)).toBe('clock-behind');
  expect(trial.state).toEqual(before);
  for (let i = 0; i < 20; i++) trial.at(trial.state.at + hour);
  expect(trial.state.outcome).toBe('undecided');
});
