import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { circuitRates, createCircuitLimits, type CircuitLimits } from './circuit-limits.ts';

const at = (host: string) => `/ip4/${host}/tcp/4000/ws`;

/** How many circuits are admitted in a row, each to the next of these peers. */
function admitted(limits: CircuitLimits, peers: number, host: (number: number) => string | undefined): number {
  let count = 0;
  while (limits.admit(`peer ${count % peers}`, host(count))) count += 1;
  return count;
}

test('one peer opens a burst of circuits, then some a second', async () => {
  const clock = manualClock();
  const limits = createCircuitLimits(clock);
  expect(admitted(limits, 1, () => at('192.0.2.1'))).toBe(circuitRates.peer.burst);
  await clock.advance(1_000);
  expect(admitted(limits, 1, () => at('192.0.2.1'))).toBe(circuitRates.peer.perSecond);
  expect(limits.admit('another', at('192.0.2.1'))).toBe(true);
});

test('the peers of one address share a rate, those of its zone four times that, and others are not touched', () => {
  const limits = createCircuitLimits(manualClock());
  expect(admitted(limits, 1_000, () => at('192.0.2.1'))).toBe(circuitRates.address.burst);
  const zoneLeft = circuitRates.address.burst * (circuitRates.zoneFactor - 1) - 1;
  expect(admitted(limits, 10_000, (number) => at(`192.0.2.${2 + (number % 200)}`))).toBe(zoneLeft);
  expect(limits.admit('another', at('198.51.100.1'))).toBe(true);
});

test('a peer whose address is not known is limited by itself alone', () => {
  const limits = createCircuitLimits(manualClock());
  expect(admitted(limits, 1_000, () => undefined)).toBe(1_000 * circuitRates.peer.burst);
});
