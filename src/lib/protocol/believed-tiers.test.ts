import { expect, test } from 'vitest';
import { believedTiers } from './believed-tiers.ts';

test('of the tiers that an offer claims only the open one is believed', () => {
  expect(believedTiers({ tiers: ['open', 'verified', 'confidential', 'audited'] })).toEqual(['open']);
  expect(believedTiers({ tiers: ['verified'] })).toEqual([]);
});
