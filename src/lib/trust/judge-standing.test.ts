import { expect, test } from 'vitest';
import { isFit, noSeats } from './judge-standing.ts';

test('who has not looked three times is unfit, and who is away for more than half of its seats', () => {
  expect(isFit(noSeats)).toBe(true);
  expect(isFit({ seats: 100, faults: { copied: 1, 'stray-values': 1, slept: 20, 'no-reveal': 10 } })).toBe(true);
  expect(isFit({ seats: 100, faults: { copied: 1, 'stray-values': 1, 'missed-plant': 1 } })).toBe(false);
  expect(isFit({ seats: 8, faults: { slept: 4 } })).toBe(true);
  expect(isFit({ seats: 8, faults: { slept: 4, 'no-reveal': 1 } })).toBe(false);
  expect(isFit({ seats: 7, faults: { slept: 7 } })).toBe(true);
});
