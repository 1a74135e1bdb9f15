import { systemRandom } from '#lib/base/random.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import type { Voucher } from '#lib/pay/spec.ts';
import { createVoucherSigner } from '#lib/pay/voucher.ts';
import { drawKey } from '#lib/pay/wallet/burner.ts';
import { localWallet } from '#lib/pay/wallet/local.ts';
import { installNativeCrypto } from '../../relay/native-crypto.ts';
import { median, spread, type Row } from './row.ts';

const runs = 9;
const vouchersPerRun = 200;

/** What a chunk's payment costs in Node: signing at the payer, checking at the payee. Processor time, not wall time. */
export default async function voucher(): Promise<readonly Row[]> {
  installNativeCrypto();
  const signer = createVoucherSigner(deployedChain(31_337));
  const key = drawKey(systemRandom);
  const { address } = localWallet(key);
  const channelId = `0x${'5a'.repeat(32)}` as const;
  const signing: number[] = [];
  const verifying: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const made: Voucher[] = [];
    const signMs = await processorMs(async () => {
      for (let i = 1; i <= vouchersPerRun; i++) made.push(await signer.sign(key, channelId, BigInt(i)));
    });
    const verifyMs = await processorMs(async () => {
      for (const each of made) if (!(await signer.verify(address, each))) throw new Error('a good voucher was refused');
    });
    // The first run warms the compiler up.
    if (run > 0) {
      signing.push(signMs / vouchersPerRun);
      verifying.push(verifyMs / vouchersPerRun);
    }
  }
  const row = (what: string, values: readonly number[]): Row => ({
    what,
    value: `${median(values).toFixed(2)} ms`,
    goal: '0.15 ms at most',
    note: `processor time; ${spread(values, 2)} of ${vouchersPerRun}`,
  });
  return [row('signing a voucher', signing), row('checking a voucher', verifying)];
}

async function processorMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
