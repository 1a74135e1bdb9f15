import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { addressOfKey, keyOf, sessionKey, startSeconds, testStorage } from '../pay.fixture.ts';
import { drawKey, importBurner, listBurners, openBurner } from './burner.ts';
import { localWallet } from './local.ts';
import { createSessionKey, listSessionKeys, readSpent, sessionPlace, sessionRefusal, spend } from './session-key.ts';

const random = seededRandom(40);
const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';

describe('a key', () => {
  test.each(['', '0x', '0x12', `0x${'00'.repeat(32)}`, `0x${order}`, `0x${'11'.repeat(33)}`, '11'.repeat(32)])(
    'is not %j, and the error does not contain it',
    (text) => {
      const failing = () => localWallet(text);
      expect(failing).toThrow(expect.objectContaining({ code: 'bad-key', details: {} }));
      expect(failing).not.toThrow(expect.objectContaining({ cause: expect.anything() }));
    },
  );
  test('uses all random bytes', () => {
    expect(localWallet(drawKey(random)).address).toMatch(/^0x/);
    const none = { bytes: (length: number) => new Uint8Array(length), float: () => 0 };
    expect(() => drawKey(none)).toThrow(expect.objectContaining({ code: 'bad-key' }));
  });
});

describe('the burner', () => {
  test('is created once, stored, and can be exported', async () => {
    const storage = testStorage();
    const first = await openBurner({ storage, random });
    const again = await openBurner({ storage, random });
    expect(again.address).toBe(first.address);
    expect(localWallet(again.exportKey()).address).toBe(first.address);
  });

  test('is not returned if it could not be stored', async () => {
    const storage = testStorage(new Map(), { atWrite: 1, when: 'before', for: 'once' });
    await expect(openBurner({ storage, random })).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(storage.values.size).toBe(0);
  });

  test('is replaced by an imported key without losing its own', async () => {
    const storage = testStorage();
    const first = await openBurner({ storage, random });
    const next = await importBurner({ storage, random }, keyOf(7));
    expect(next.address).toBe(addressOfKey(7));
    expect((await openBurner({ storage, random })).address).toBe(addressOfKey(7));
    const keys = (await listBurners(storage)).records.map((each) => each.exportKey());
    expect(keys.toSorted()).toEqual([first.exportKey(), keyOf(7)].toSorted());
    await expect(importBurner({ storage, random }, '0x12')).rejects.toMatchObject({ code: 'bad-key' });
    expect((await openBurner({ storage, random })).address).toBe(addressOfKey(7));
  });

  test('created in two windows at once ends up as one, and neither key is lost', async () => {
    const values = new Map<string, unknown>();
    const burners = await Promise.all(
      [1, 2].map((seed) => openBurner({ storage: testStorage(values), random: seededRandom(seed) })),
    );
    const { address } = await openBurner({ storage: testStorage(values), random });
    const listed = (await listBurners(testStorage(values))).records.map((each) => each.address);
    expect(listed).toHaveLength(2);
    for (const each of burners) expect(listed).toContain(each.address);
    expect(listed).toContain(address);
  });

  test.each([1, 2])('loses no key to a crash at write %i', async (atWrite) => {
    const values = new Map<string, unknown>();
    const first = await openBurner({ storage: testStorage(values), random });
    const dying = testStorage(values, { atWrite, when: 'after', for: 'ever' });
    await expect(importBurner({ storage: dying, random }, keyOf(7))).rejects.toMatchObject({
      code: 'storage-unavailable',
    });
    const listed = (await listBurners(testStorage(values))).records.map((each) => each.address);
    expect(listed.toSorted()).toEqual([first.address, addressOfKey(7)].toSorted());
  });

  test('stores no more keys than can be listed', async () => {
    const storage = testStorage();
    for (let n = 0; n < 256; n++) storage.values.set(`burner/${n}`, { privateKey: keyOf(9) });
    await expect(importBurner({ storage, random }, keyOf(7))).rejects.toMatchObject({ code: 'too-many-keys' });
  });

  test('that cannot be parsed is not replaced by a new one', async () => {
    const storage = testStorage(new Map<string, unknown>([['burner', { seed: 1 }]]));
    await expect(openBurner({ storage, random })).rejects.toMatchObject({ code: 'bad-record' });
    expect(storage.values.get('burner')).toEqual({ seed: 1 });
  });
});

describe('a session key', () => {
  const now = startSeconds;
  test('is stored with its limits before it is returned', async () => {
    const storage = testStorage();
    const key = await createSessionKey({ storage, random }, { limit: 5n, expiresAt: now + 1, now });
    expect(await listSessionKeys(storage)).toEqual({ records: [key], unreadable: [] });
    const dying = testStorage(new Map(), { atWrite: 1, when: 'before', for: 'once' });
    await expect(
      createSessionKey({ storage: dying, random }, { limit: 5n, expiresAt: now + 1, now }),
    ).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  test.each([
    ['without a limit', 0n, now + 1, 'amount-zero'],
    ['with a limit above the channel maximum', 2n ** 104n, now + 1, 'amount-too-large'],
    ['that has expired', 5n, now, 'session-expired'],
    ['with a fractional time', 5n, now + 0.5, 'session-expired'],
  ])('is not created %s', async (_, limit, expiresAt, code) => {
    const storage = testStorage();
    await expect(createSessionKey({ storage, random }, { limit, expiresAt, now })).rejects.toMatchObject({ code });
    expect(storage.values.size).toBe(0);
  });

  test('is refused at its expiry and at its limit', () => {
    const key = sessionKey({ limit: 10n, expiresAt: now + 5 });
    expect(sessionRefusal(key, { spent: 3n, more: 7n, now: now + 4 })).toBeNull();
    expect(sessionRefusal(key, { spent: 3n, more: 8n, now })).toBe('session-limit');
    expect(sessionRefusal(key, { spent: 0n, more: 1n, now: now + 5 })).toBe('session-expired');
  });

  test('is not created if it could not be listed again', async () => {
    const storage = testStorage();
    for (let n = 0; n < 4_096; n++) storage.values.set(`session/${n}`, {});
    await expect(createSessionKey({ storage, random }, { limit: 5n, expiresAt: now + 1, now })).rejects.toMatchObject({
      code: 'too-many-keys',
    });
    expect((await listSessionKeys(storage)).unreadable).toHaveLength(4_096);
  });

  test('counts what it spends against its limit and its time, and only in its own record', async () => {
    const storage = testStorage();
    const { address } = await createSessionKey({ storage, random }, { limit: 10n, expiresAt: now + 9, now });
    const place = sessionPlace(address);
    const take = (units: bigint, at: number, key = address) =>
      storage.update([place], ([value]) => [{ type: 'put', ...place, value: spend(value, { key, units, now: at }) }]);
    await take(6n, now);
    await expect(take(5n, now)).rejects.toMatchObject({ code: 'session-limit' });
    await take(4n, now + 8);
    await expect(take(1n, now + 9)).rejects.toMatchObject({ code: 'session-expired' });
    await expect(take(0n, now, addressOfKey(9))).rejects.toMatchObject({ code: 'bad-record' });
    expect(await readSpent(storage, address)).toBe(10n);
    await expect(readSpent(storage, addressOfKey(9))).rejects.toMatchObject({ code: 'bad-record' });
  });
});
