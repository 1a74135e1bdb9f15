import { TabloomError } from '#lib/base/errors.ts';
import { printable } from '#lib/base/printable.ts';
import { ledgerLocation } from './keys.ts';
import { checkLedger, type LedgerCheck } from './ledger/check.ts';
import { openDatabase } from './ledger/database.ts';
import type { Printed } from './program.ts';
import type { LedgerEnv } from './settings/commands.ts';

/** `ledger check`. @throws `ledger-unbalanced` with what differs, and as `openDatabase` does. */
export async function checkBooks(env: LedgerEnv): Promise<Printed> {
  const db = await openDatabase(ledgerLocation(env));
  try {
    const now = Date.now();
    const check = await checkLedger(db, now);
    if (check.findings.length === 0) return { out: describeCheck(check, now), notes: 'The books are even.\n' };
    const lines = check.findings.map(({ subject, problem }) => `${printable(subject)} ${problem}`);
    const says = 'The books are not even. Keep a copy of the database, and report this:';
    throw new TabloomError('ledger-unbalanced', [says, ...lines].join('\n'));
  } finally {
    await db.destroy();
  }
}

function describeCheck({ transfers, balances, open }: LedgerCheck, now: number): string {
  const lines = [
    `transfers ${transfers}`,
    ...[...balances].toSorted().map(([account, units]) => `account ${printable(account)} ${units}`),
    ...open.map(({ gateway, holds, since, seenAt }) => {
      const seen = seenAt === undefined ? '' : `, gateway seen ${seconds(now - seenAt)} s ago`;
      return `open ${printable(gateway)} ${holds}, the oldest since ${seconds(now - since)} s${seen}`;
    }),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1_000));
