import { payError } from '#lib/pay/errors.ts';
import type { DeployedChain, InjectedWallet } from '#lib/pay/spec.ts';
import { createInjectedWallets } from '#lib/pay/wallet/injected.ts';
import type { WalletAccount } from '#lib/state/wallet.ts';

export type InjectedAccount = Extract<WalletAccount, { readonly kind: 'injected' }>;

/**
 * The wallet that was chosen on an earlier page. It hears nothing before it has to sign or send, and is then connected again, once a
 * page. @throws `wallet-unauthorized` if it now has another account, and those of connecting.
 */
export function connectedWallet(
  entry: DeployedChain,
  { id, address }: InjectedAccount,
  { fetch, wallet: already }: { readonly fetch: typeof globalThis.fetch; readonly wallet?: InjectedWallet },
): InjectedWallet {
  let connecting = already && Promise.resolve(already);
  const connect = async () => {
    const wallet = await createInjectedWallets(entry, { fetch }).connect(id);
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
  return {
    type: 'injected',
    address: address as InjectedWallet['address'],
    chainId: async (options) => (await connected()).chainId(options),
    signTypedData: async (data, options) => (await connected()).signTypedData(data, options),
    sendTransaction: async (draft, options) => (await connected()).sendTransaction(draft, options),
  };
}
