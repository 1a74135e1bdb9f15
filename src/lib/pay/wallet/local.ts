import { privateKeyToAccount } from 'viem/accounts';
import { payError } from '../errors.ts';
import type { Hex, LocalWallet } from '../spec.ts';
import { digestOf } from '../signature.ts';

/** A wallet for a private key on this device. @throws `bad-key`. */
export function localWallet(privateKey: string): LocalWallet {
  const account = accountOf(privateKey);
  return {
    type: 'local',
    address: account.address,
    signTypedData: (data) => account.sign({ hash: digestOf(data) }),
    signMessage: (message) => account.signMessage({ message }),
    signTransaction: (draft) => account.signTransaction({ type: 'eip1559', ...draft }),
  };
}

/** A valid key is any 32-byte number except zero and those at or above the curve's order. */
function accountOf(privateKey: string) {
  if (!/^0x[0-9a-fA-F]{64}$/.test(privateKey)) throw payError('bad-key');
  try {
    return privateKeyToAccount(privateKey as Hex);
  } catch {
    // The cause is omitted because it may contain the key.
    throw payError('bad-key');
  }
}
