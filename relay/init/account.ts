import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TabloomError } from '#lib/base/errors.ts';
import { systemRandom } from '#lib/base/random.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { deployedChains } from '#lib/pay/chain/calls.ts';
import { saveSettings } from '../settings/settings-file.ts';
import type { EarningChain } from './ask-earning.ts';

/** An account whose key is in a file. */
export interface KeptAccount {
  readonly path: string;
  readonly address: string;
  readonly key: string;
}

export const earningChains = (): readonly EarningChain[] =>
  deployedChains().map(({ id, name, rpcUrl }) => ({ id, name, rpcUrl }));

/** One whose file is there already. @throws `bad-key`. */
export const accountIn = (path: string, key: string): KeptAccount => ({ path, key, address: localWallet(key).address });

/**
 * Keeps the key of an account beside the settings, in a file that only its owner may read. One that is there is never replaced, since
 * it may be worth something: without a given key it is used, and another key is refused.
 * @throws `bad-key`, `key-exists`, `settings-not-writable`.
 */
export async function keepAccount(settingsPath: string, given: string | undefined): Promise<KeptAccount> {
  const path = join(dirname(settingsPath), 'earn.key');
  const present = (await readFile(path, 'utf8').catch(() => undefined))?.trim();
  const key = given ?? present ?? drawKey(systemRandom);
  const account = accountIn(path, key);
  if (present === undefined) await saveSettings(path, `${key}\n`, 'keep');
  else if (present.toLowerCase() !== key.toLowerCase()) {
    throw new TabloomError('key-exists', `${path} holds another key. Move it away first; it may be worth something.`);
  }
  return account;
}
