import type { Reveal, Verdict } from '#lib/protocol/audit.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { newTrial, reduceTrial } from './trial.ts';
import { trialWindows, type TrialEffect, type TrialEvent, type TrialState, type TrialTerms } from './trial-state.ts';
import { commitmentOf, sealOf } from './vote.ts';

export const minuteMs = 60_000;
export const sealSalt = new Uint8Array(32).fill(9);
export const audit = 'a'.repeat(64);

/** Nine of them, of whom three are parties. */
export const peers = Array.from({ length: 9 }, (_, i) => `v${i}`);
export const terms: TrialTerms = {
  audit,
  worker: 'w',
  accuser: 'v7',
  asker: 'v8',
  receipt: 'c'.repeat(64),
  seal: sealOf(audit, sealSalt, 'real'),
  engineClass: 'wasm',
  candidates: [...peers, 'w'].map((peer) => ({ peer, engineClass: peer === 'v3' ? 'wasm' : 'native' })),
  positions: 6,
  windows: trialWindows,
};

export const draw = { beacon: 'b'.repeat(64), randomness: new Uint8Array(32).fill(3) };

const codeOf = (validator: PeerId) => validator.charCodeAt(validator.length - 1);

/** Values as re-scoring gives them, with an engine's own noise. */
const valuesOf = (validator: PeerId, sitting: number) =>
  Array.from({ length: 6 }, (_, at) => -0.5 - at - sitting - codeOf(validator) / 10_000);

export const revealOf = (
  validator: PeerId,
  verdict: Verdict,
  { round, sitting }: Pick<TrialState, 'round' | 'sitting'>,
  over: Partial<Reveal> = {},
): Reveal => ({
  audit,
  round,
  sitting,
  validator,
  salt: new Uint8Array(32).fill(codeOf(validator)),
  verdict,
  values: valuesOf(validator, sitting),
  engine: `engine ${validator}`,
  ...over,
});

/** A trial that is driven event by event; keeps every effect. */
export function runTrial(over: Partial<TrialTerms> = {}) {
  let [state, effects] = newTrial({ ...terms, ...over }, 0);
  const all: TrialEffect[] = [...effects];
  type Untimed<E> = E extends TrialEvent ? Omit<E, 'at'> : never;
  const self = {
    get state() {
      return state;
    },
    get effects() {
      return all;
    },
    at(at: number, event: Untimed<TrialEvent> = { type: 'tick' }) {
      [state, effects] = reduceTrial(state, { ...event, at } as TrialEvent);
      all.push(...effects);
      return effects;
    },
    /** The same a moment later. */
    now: (event?: Untimed<TrialEvent>) => self.at(state.at, event),
    /** Minute by minute, so that no clock seems to jump. */
    pass(minutes: number) {
      for (let i = 0; i < minutes && state.phase !== 'settled'; i++) self.at(state.at + minuteMs);
    },
    commit(validator: PeerId, verdict: Verdict, reveal: Partial<Reveal> = {}) {
      const { round, sitting } = state;
      const commitment = commitmentOf(revealOf(validator, verdict, state, reveal));
      return self.now({ type: 'committed', validator, commitment, round, sitting });
    },
    /** All who are seated commit, then reveal. */
    vote(verdictOf: (validator: PeerId, seat: number) => Verdict) {
      const { seated, round, sitting } = state;
      const place = { round, sitting };
      for (const [seat, one] of seated.entries()) self.commit(one, verdictOf(one, seat));
      for (const [seat, one] of seated.entries())
        self.now({ type: 'revealed', reveal: revealOf(one, verdictOf(one, seat), place) });
    },
    unseal: () => self.now({ type: 'unsealed', salt: sealSalt, truth: 'real' }),
    codes: () => all.flatMap((effect) => (effect.type === 'refused' ? [effect.code] : [])),
    faults: () => all.flatMap((effect) => (effect.type === 'fault' ? [`${effect.validator} ${effect.code}`] : [])),
    types: () => all.map(({ type }) => type),
  };
  return self;
}

export function seatedTrial(over: Partial<TrialTerms> = {}) {
  const trial = runTrial(over);
  trial.at(1_000, { type: 'drawn', draw });
  return trial;
}
