import { isHex, numberToHex, serializeTypedData, stringToHex, type EIP1193Provider } from 'viem';
import { raceSignal, type AbortOptions } from '#lib/base/abort.ts';
import { toPayError } from '../chain/rpc-errors.ts';
import { payError } from '../errors.ts';
import type { Address, InjectedWallet, TypedData } from '../spec.ts';

/** A wallet behind an EIP-1193 provider. Responses are validated and failures mapped to codes. */
export function eip1193Wallet(provider: EIP1193Provider, address: Address): InjectedWallet {
  const ask = async (
    request: { readonly method: string; readonly params?: readonly unknown[] },
    { signal }: AbortOptions = {},
  ) => {
    let answer: unknown;
    try {
      answer = await raceSignal(provider.request(request as never), signal);
    } catch (error) {
      const coded = toPayError(error);
      // A failing wallet does not mean that the chain is unavailable.
      if (coded.code === 'chain-unavailable' || coded.code === 'node-refused')
        throw payError('wallet-failed', { cause: error });
      throw coded;
    }
    if (!isHex(answer)) throw payError('wallet-failed', { details: { method: request.method } });
    return answer;
  };
  return {
    type: 'injected',
    address,
    chainId: async (options) => Number(await ask({ method: 'eth_chainId' }, options)),
    signTypedData: (data, options) =>
      ask({ method: 'eth_signTypedData_v4', params: [address, serialize(data)] }, options),
    signMessage: (message, options) =>
      ask({ method: 'personal_sign', params: [stringToHex(message), address] }, options),
    sendTransaction: ({ chainId, to, data, gas }, options) =>
      ask(
        {
          method: 'eth_sendTransaction',
          params: [{ from: address, to, data, gas: numberToHex(gas), chainId: numberToHex(chainId) }],
        },
        options,
      ),
  };
}

/** The JSON wallets expect: amounts as decimal text and an explicit domain type. */
function serialize(data: TypedData): string {
  const domainFields = [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'chainId', type: 'uint256' },
    { name: 'verifyingContract', type: 'address' },
  ];
  return serializeTypedData({ ...data, types: { EIP712Domain: domainFields, ...data.types } } as never);
}
