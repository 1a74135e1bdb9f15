import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { parties, testTerms } from './pay.fixture.ts';
import { channelIdOf, delayMax, delayMin, isJob, jobTerms, parseTerms, sessionTerms } from './terms.ts';

test('the id depends on every field', () => {
  const terms = testTerms();
  const others = [
    ...(['payer', 'payerSigner', 'provider', 'providerSigner', 'token'] as const).map((field) => ({
      ...terms,
      [field]: '0x00000000000000000000000000000000000000AA',
    })),
    { ...terms, delay: terms.delay + 1 },
    { ...terms, deadline: 1 },
    { ...terms, salt: `0x${'ab'.repeat(32)}` as const },
  ];
  expect(new Set([terms, ...others].map((each) => channelIdOf(each as typeof terms))).size).toBe(9);
});

test('the spelling of addresses does not matter', () => {
  const terms = testTerms();
  const shouted = { ...terms, payer: terms.payer.toLowerCase() };
  expect(parseTerms(shouted)).toEqual(terms);
});

test('a session has a delay and no deadline, a job the opposite', () => {
  expect(sessionTerms(seededRandom(1), parties)).toMatchObject({ delay: delayMin, deadline: 0 });
  const job = jobTerms(seededRandom(1), parties, 1_900_000_000);
  expect(job).toMatchObject({ delay: 0, deadline: 1_900_000_000 });
  expect([isJob(job), isJob(testTerms())]).toEqual([true, false]);
});

describe('refuses terms', () => {
  const zero = `0x${'00'.repeat(20)}`;
  test.each([
    ['without a payer', { payer: zero }, 'payer'],
    ['without a provider', { provider: zero }, 'provider'],
    ['without a signer', { payerSigner: zero }, 'payerSigner'],
    ['with an address too short', { provider: '0x1234' }, 'provider'],
    ['with a salt too short', { salt: '0x12' }, 'salt'],
    ['with a salt too long', { salt: `0x${'00'.repeat(33)}` }, 'salt'],
    ['with neither delay nor deadline', { delay: 0 }, 'delay'],
    ['with both', { deadline: 1 }, 'delay'],
    ['with too short a delay', { delay: delayMin - 1 }, 'delay'],
    ['with too long a delay', { delay: delayMax + 1 }, 'delay'],
    ['with a fractional delay', { delay: delayMin + 0.5 }, 'delay'],
    ['with a time that does not fit', { deadline: 2 ** 48 }, 'deadline'],
    ['with a negative time', { deadline: -1 }, 'deadline'],
  ])('%s', (_, changes, field) => {
    expect(() => parseTerms({ ...testTerms(), ...changes })).toThrow(
      expect.objectContaining({ code: 'bad-terms', details: expect.objectContaining({ field }) }),
    );
  });
  test('that are not terms at all', () => {
    for (const value of [null, 'terms', [], {}]) {
      expect(() => parseTerms(value)).toThrow(expect.objectContaining({ code: 'bad-terms' }));
    }
  });
});
