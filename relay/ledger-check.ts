import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { ledgerLocation } from './keys.ts';
import type { ChainComparison } from './ledger-chain.ts';
import { checkLedger, type LedgerCheck } from './ledger/check.ts';
import { openDatabase, type LedgerDatabase } from './ledger/database.ts';
import type { Printed } from './program.ts';
import type { LedgerCheckEnv } from './settings/commands.ts';

/** `ledger check`. @throws `ledger-unbalanced` with what differs, and as `openDatabase` does. */
export async function checkBooks(env: LedgerCheckEnv): Promise<Printed> {
  const db = await openDatabase(ledgerLocation(env));
  try {
    const now = Date.now();
    const check = await checkLedger(db, now);
    const chains = await chainsOf(env, db);
    const findings = [...check.findings, ...chains.flatMap((one) => one.findings)];
    if (findings.length === 0) {
      const left = chains.filter(({ failed }) => failed !== undefined).map(({ chain }) => `${chain}`);
      const but =
        left.length === 0 ? '' : ` They were not compared with chain ${left.join(', ')}, which does not respond.`;
      return {
        out: describeCheck(check, now) + chains.map(describeChain).join(''),
        notes: `The books are even.${but}\n`,
      };
    }
    const lines = findings.map(({ subject, problem }) => `${printable(subject)} ${problem}`);
    const says = 'The books are not even. Keep a copy of the database, and report this:';
    throw new TabloomError('ledger-unbalanced', [says, ...lines].join('\n'));
  } finally {
    await db.destroy();
  }
}

function describeCheck({ transfers, balances, debts, open }: LedgerCheck, now: number): string {
  const lines = [
    `transfers ${transfers}`,
    ...[...balances].toSorted().map(([account, units]) => `account ${printable(account)} ${units}`),
    ...(debts.wallets > 0 ? [`owed ${debts.units} to ${debts.wallets} wallets, of it earned ${debts.earned}`] : []),
    ...open.map(({ gateway, holds, since, seenAt }) => {
      const seen = seenAt === undefined ? '' : `, gateway seen ${seconds(now - seenAt)} s ago`;
      return `open ${printable(gateway)} ${holds}, the oldest since ${seconds(now - since)} s${seen}`;
    }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What knows a chain is loaded only where the books name one. */
async function chainsOf(env: LedgerCheckEnv, db: LedgerDatabase): Promise<readonly ChainComparison[]> {
  const named = [
    await db.selectFrom('transfers').select('id').where('credit', 'like', 'channel %').limit(1).execute(),
    await db.selectFrom('transfers').select('id').where('type', '=', 'income').limit(1).execute(),
    await db.selectFrom('open_spends').select('id').limit(1).execute(),
    await db.selectFrom('purchases').select('id').where('state', '=', 'paid').limit(1).execute(),
    await db.selectFrom('permits').select('id').where('state', '=', 'paid').limit(1).execute(),
  ];
  if (named.every((rows) => rows.length === 0)) return [];
  const { compareWithChains } = await import('./ledger-chain.ts');
  return compareWithChains({ db, rpcUrl: env.CHAIN_RPC_URL, fetch });
}

function describeChain(compared: ChainComparison): string {
  const {
    chain,
    channels,
    deposited,
    promised,
    claimed,
    incomes,
    earned,
    purchases,
    paid,
    metered,
    collected,
    failed,
  } = compared;
  if (failed !== undefined) return `chain ${chain} not compared: ${failed}\n`;
  const lines = [
    ...(channels > 0 ? [`channels ${channels}, deposited ${deposited}, promised ${promised}, claimed ${claimed}`] : []),
    ...(incomes > 0 ? [`hub channels ${incomes}, earned ${earned}`] : []),
    ...(purchases > 0 ? [`payments ${purchases}, paid ${paid}`] : []),
    ...(metered > 0 ? [`metered answers ${metered}, collected ${collected}`] : []),
  ];
  return lines.map((line) => `chain ${chain} ${line}\n`).join('');
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1_000));
