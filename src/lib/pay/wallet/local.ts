import { privateKeyToAccount } from 'viem/accounts';
import { payError } from '../errors.ts';
import type { Hex, LocalWallet } from '../spec.ts';
import { digestOf } from '../signature.ts';

/** A wallet over a private key that lies on this device. @throws `bad-key`. */
export function localWallet(privateKey: string): LocalWallet {
  const account = accountOf(privateKey);
  return {
    type: 'local',
    address: account.address,
    signTypedData: (data) => account.sign({ hash: digestOf(data) }),
    signTransaction: (draft) => account.signTransaction({ type: 'eip1559', ...draft }),
  };
}

/** Every number of 32 bytes but zero and those from the curve's order on is a key. */
function accountOf(privateKey: string) {
  if (!/^0x[0-9a-fA-F]{64}$/.test(privateKey)) throw payError('bad-key');
  try {
    return privateKeyToAccount(privateKey as Hex);
  } catch {
    // Without the cause: it may quote the key.
    throw payError('bad-key');
  }
}
