import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import {
  backOffMs,
  chooseRelays,
  noRelays,
  type RelayChoice,
  type RelayChoiceEffect,
  type RelayChoiceEvent,
} from './relay-choice.ts';

const peers = Array.from({ length: 6 }, (_, i) => createSigner(new Uint8Array(32).fill(i + 1)).peer);
const relay = (number: number, host = 'r') => `/dns4/${host}${number}.example/tcp/443/wss/p2p/${peers[number]}`;
const limits = { heldMax: 2, restMinMs: 250, restMaxMs: 15_000 };

function play(events: readonly RelayChoiceEvent[], draw = 0, from: RelayChoice = noRelays(limits)) {
  let choice = from;
  const effects: RelayChoiceEffect[] = [];
  for (const event of events) {
    const [after, caused] = chooseRelays(choice, event, draw);
    choice = after;
    effects.push(...caused);
  }
  return { choice, effects };
}

const listed = (...numbers: readonly number[]): RelayChoiceEvent => ({
  type: 'listed',
  addrs: numbers.map((number) => relay(number)),
});
const ended = (number: number, after: 'failed' | 'served' = 'failed'): RelayChoiceEvent => ({
  type: 'ended',
  addr: relay(number),
  after,
});
const rested = (number: number): RelayChoiceEvent => ({ type: 'rested', addr: relay(number) });
const dialled = (effects: readonly RelayChoiceEffect[]) =>
  effects.flatMap((effect) => (effect.type === 'dial' ? [effect.addr] : []));

describe('the relays to hold', () => {
  test('are the first two of the list', () => {
    expect(dialled(play([listed(0, 1, 2)]).effects)).toEqual([relay(0), relay(1)]);
  });

  test('one that dies is replaced at once, and does not take its place back', () => {
    const { choice } = play([listed(0, 1, 2)]);
    const { choice: after, effects } = play([ended(0, 'served')], 0.5, choice);
    expect(effects).toEqual([
      { type: 'rest', addr: relay(0), ms: 187.5 },
      { type: 'dial', addr: relay(2) },
    ]);
    expect(play([rested(0)], 0, after).effects).toEqual([]);
  });

  test('where there is no other, one that died is tried again after its rest', () => {
    const { choice } = play([listed(0, 1), ended(0)]);
    expect(play([rested(0)], 0, choice).effects).toEqual([{ type: 'dial', addr: relay(0) }]);
  });

  test('one that has failed waits behind those that have not', () => {
    const { choice } = play([listed(0, 1, 2, 3), ended(0), rested(0)]);
    expect(dialled(play([ended(1)], 0, choice).effects)).toEqual([relay(3)]);
  });

  test('two addresses of one relay count as one', () => {
    const { effects } = play([{ type: 'listed', addrs: [relay(0), relay(0, 'alias'), relay(1)] }]);
    expect(dialled(effects)).toEqual([relay(0), relay(1)]);
  });

  test('one that is listed no longer is released, and an empty list means nothing', () => {
    const { choice } = play([listed(0, 1)]);
    expect(play([{ type: 'listed', addrs: [] }], 0, choice)).toEqual({ choice, effects: [] });
    expect(play([listed(1, 2)], 0, choice).effects).toEqual([
      { type: 'release', addr: relay(0) },
      { type: 'dial', addr: relay(2) },
    ]);
  });
});

test('a rest grows with each failure, up to its limit, and is never none', () => {
  const bounds = { minMs: 250, maxMs: 15_000 };
  const longest = Array.from({ length: 8 }, (_, failures) => backOffMs(failures, 1, bounds));
  expect(longest).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(backOffMs(1_000, 0, bounds)).toBe(125);
});

const number = fc.nat({ max: peers.length - 1 });
const eventArbitrary: fc.Arbitrary<RelayChoiceEvent> = fc.oneof(
  fc.array(number, { maxLength: 8 }).map((numbers) => listed(...numbers)),
  fc.tuple(number, fc.constantFrom('failed' as const, 'served' as const)).map(([one, after]) => ended(one, after)),
  number.map(rested),
);

test('whatever happens: never too many, none idle while a place is free, no relay dialled twice', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(eventArbitrary, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }))),
      fc.integer({ min: 1, max: 4 }),
      (events, heldMax) => {
        let choice = noRelays({ ...limits, heldMax });
        const active = new Set<string>();
        const resting = new Set<string>();
        for (const [event, draw] of events) {
          if (event.type === 'ended' && !active.has(event.addr)) continue;
          if (event.type === 'rested' && !resting.delete(event.addr)) continue;
          if (event.type === 'ended') active.delete(event.addr);
          const [after, effects] = chooseRelays(choice, event, draw);
          for (const effect of effects) {
            if (effect.type === 'release') {
              active.delete(effect.addr);
              resting.delete(effect.addr);
            } else if (effect.type === 'rest') {
              expect(effect.ms).toBeGreaterThan(0);
              expect(effect.ms).toBeLessThanOrEqual(limits.restMaxMs);
              resting.add(effect.addr);
            } else {
              expect(active.has(effect.addr) || resting.has(effect.addr)).toBe(false);
              active.add(effect.addr);
            }
          }
          choice = after;
          const phases = (phase: string) =>
            choice.candidates.filter((one) => one.phase === phase).map(({ addr }) => addr);
          expect(new Set(phases('active'))).toEqual(active);
          expect(new Set(phases('resting'))).toEqual(resting);
          expect(active.size).toBeLessThanOrEqual(heldMax);
          if (phases('idle').length > 0) expect(active.size).toBe(heldMax);
        }
      },
    ),
    { seed: 9 },
  );
});
