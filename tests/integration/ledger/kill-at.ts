import { StatementSync } from 'node:sqlite';

/** A line of output, which is out when this returns: the process may be killed next. */
export const say = (line: string) => process.stdout.write(`${line}\n`);

/**
 * Of the statements that write from now on, kills the process at the one with this number, before it has run or after; at none
 * for 0. Returns how many have been written.
 */
export function killAt(number: number, side: string): () => number {
  type Execute = (this: StatementSync, ...values: unknown[]) => unknown;
  const prototype = StatementSync.prototype as unknown as { run: Execute; all: Execute };
  let written = 0;
  const kill = (sql: string) => {
    say(`killed ${side} ${sql.slice(0, 40)}`);
    process.kill(process.pid, 'SIGKILL');
  };
  const counting = (original: Execute): Execute =>
    function (...values) {
      const { sourceSQL } = this;
      if (!/^(begin|commit|insert|update|delete)/i.test(sourceSQL)) return original.apply(this, values);
      written += 1;
      if (written === number && side === 'before') kill(sourceSQL);
      const result = original.apply(this, values);
      if (written === number) kill(sourceSQL);
      return result;
    };
  prototype.run = counting(prototype.run);
  prototype.all = counting(prototype.all);
  return () => written;
}
