import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { readBody } from '#lib/base/read-json.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createInjectedWallets, type FoundWallet } from '#lib/pay/wallet/injected.ts';
import type { RelayPayments } from '#lib/protocol/relay-info.ts';
import { unitsSchema } from '#lib/protocol/price.ts';
import type { FoundWalletView } from '#lib/state/wallet.ts';
import type { InjectedAccount } from './injected-wallet.ts';

/** Everything of the wallet that is loaded late, as one part. */
export { importBurner, openBurner } from '#lib/pay/wallet/burner.ts';
export { createMoneyBook } from './money-book.ts';
export { openMoney } from './money.ts';

interface Reaching {
  readonly fetch: typeof globalThis.fetch;
}

const walletsOn = ({ chain, rpc }: RelayPayments, { fetch }: Reaching) =>
  createInjectedWallets({ ...deployedChain(chain), rpcUrl: rpc }, { fetch });

/** Calls back with the wallets that announce themselves to this page, now and later. */
export function watchInjected(
  payments: RelayPayments,
  reaching: Reaching,
  listener: (found: readonly FoundWalletView[]) => void,
): () => void {
  const wallets = walletsOn(payments, reaching);
  const show = (found: readonly FoundWallet[]) => listener(found.map(({ id, name }) => ({ id, name })));
  show(wallets.list());
  return wallets.watch(show);
}

/** Asks the owner of a wallet of the browser for an account. @throws as `connect` does. */
export async function connectInjected(
  payments: RelayPayments,
  id: string,
  reaching: Reaching,
): Promise<InjectedAccount> {
  const wallets = walletsOn(payments, reaching);
  const name = wallets.list().find((found) => found.id === id)?.name ?? id;
  const { address } = await wallets.connect(id);
  return { kind: 'injected', id, name, address };
}

const giftSchema = z.object({ amount: unitsSchema });
const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const faucetTimeoutMs = 30_000;
const answerBytesMax = 16_384;

/** Asks the relay for test money; answers with the units it gave. @throws `no-faucet`, or what the faucet says. */
export async function askFaucet(path: string | undefined, address: string, { fetch }: Reaching): Promise<bigint> {
  if (path === undefined) throw new TabloomError('no-faucet', 'This relay gives no test money.');
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address }),
    signal: AbortSignal.timeout(faucetTimeoutMs),
  });
  const body: unknown = await readBody(response, answerBytesMax).catch(() => undefined);
  const gift = giftSchema.safeParse(body);
  if (response.ok && gift.success) return BigInt(gift.data.amount);
  const refusal = refusalSchema.safeParse(body);
  // Its codes are written with underscores, as those of OpenAI are.
  if (refusal.success) throw new TabloomError(refusal.data.error.code.replaceAll('_', '-'), refusal.data.error.message);
  throw new TabloomError('faucet-failed', 'The relay could not give test money. Try again in a minute.');
}
