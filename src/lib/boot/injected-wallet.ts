import { payError } from '#lib/pay/errors.ts';
import type { InjectedWallet } from '#lib/pay/spec.ts';
import type { InjectedWallets } from '#lib/pay/wallet/injected.ts';
import type { WalletAccount } from '#lib/state/wallet.ts';

export type InjectedAccount = Extract<WalletAccount, { readonly kind: 'injected' }>;

/**
 * The wallet that was chosen on an earlier page. It hears nothing before it has to sign or send, and is then connected again, once a
 * page. `onAsk` is told when it waits for its owner, and when it no longer does.
 * @throws `wallet-unauthorized` if it now has another account, and those of connecting.
 */
export function connectedWallet(
  wallets: Pick<InjectedWallets, 'connect'>,
  { id, address: chosen }: InjectedAccount,
  onAsk: (asking: 'asking' | 'answered') => void,
): InjectedWallet {
  const address = chosen as InjectedWallet['address'];
  let connecting: Promise<InjectedWallet> | undefined;
  let waiting = 0;
  const connect = async () => {
    const wallet = await wallets.connect(id, { known: address });
    if (wallet.address !== address) {
      throw payError('wallet-unauthorized', { details: { expected: address, given: wallet.address } });
    }
    return wallet;
  };
  const connected = () => {
    connecting ??= connect().catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };
  const asking = async <T>(work: (wallet: InjectedWallet) => Promise<T>): Promise<T> => {
    if (waiting++ === 0) onAsk('asking');
    try {
      return await work(await connected());
    } finally {
      if (--waiting === 0) onAsk('answered');
    }
  };
  return {
    type: 'injected',
    address,
    chainId: (options) => asking((wallet) => wallet.chainId(options)),
    signTypedData: (data, options) => asking((wallet) => wallet.signTypedData(data, options)),
    signMessage: (message, options) => asking((wallet) => wallet.signMessage(message, options)),
    sendTransaction: (draft, options) => asking((wallet) => wallet.sendTransaction(draft, options)),
  };
}
