import { expect, test } from 'vitest';
import { playJobs } from './jobs.ts';

/** `npm run paid -- --jobs 1000` plays more of them. */
test('fifty paid jobs, some through a hub, while askers, workers, hub and the node of the chain are killed at random', async () => {
  const { complaints, kills, cut, endings, sheet, hub } = await playJobs({ jobs: 50 });
  expect(complaints).toEqual([]);
  expect(Object.values(kills).every((count) => count > 0)).toBe(true);
  expect(cut.attempts).toBeGreaterThan(0);
  expect(endings.get('finished')).toBeGreaterThan(25);
  expect(hub.passedOn).toBeGreaterThan(0n);
  expect(hub.passedOn).toBeLessThan(hub.got);
  expect(sheet).toMatchObject({ held: 0n, deposits: sheet.paid + sheet.refunded });
}, 180_000);
