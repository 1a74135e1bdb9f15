import { z } from 'zod';
import { inspectDatabase } from '../ledger/inspect.ts';
import { pingRedis } from '../gateway/ping-redis.ts';
import { causeOf, fail, ok, skipped, type Check } from './finding.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';

/** The addresses of these services may hold passwords, so that none of them is repeated. */

export const checkRedis = (url: string): Check => ({
  id: 'redis',
  async run(signal) {
    try {
      return ok(`The server of REDIS_URL answers (${await pingRedis(url, signal)}).`);
    } catch (error) {
      if (signal.aborted) throw error;
      const isPassword = /NOAUTH|WRONGPASS/.test(error instanceof Error ? error.message : '');
      return isPassword
        ? fail('The server of REDIS_URL refuses the password.', 'Correct REDIS_URL.')
        : fail(`The server of REDIS_URL does not answer (${causeOf(error)}).`, 'Start it, or correct REDIS_URL.');
    }
  },
});

export const checkPostgres = (url: string): Check => ({
  id: 'postgres',
  async run(signal) {
    try {
      const { missing, unknown } = await inspectDatabase(url, signal);
      if (unknown.length > 0)
        return fail('The tables of DATABASE_URL are of a newer version of this program.', 'Update this program.');
      return ok(
        missing.length === 0
          ? 'The server of DATABASE_URL answers, and its tables are up to date.'
          : `The server of DATABASE_URL answers; ${missing.length} steps of its tables are made at the next start.`,
      );
    } catch (error) {
      if (signal.aborted) throw error;
      return fail(
        `The database of DATABASE_URL cannot be used (${causeOf(error)}).`,
        postgresHints[causeOf(error)] ?? 'Start it, or correct DATABASE_URL.',
      );
    }
  },
});

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const postgresHints: Readonly<Record<string, string>> = {
  '28P01': 'Correct the password in DATABASE_URL.',
  '28000': 'Correct the user in DATABASE_URL, or let it in (pg_hba.conf).',
  '3D000': 'Create the database, or correct its name in DATABASE_URL.',
  '42501': 'Grant the user of DATABASE_URL the right to read and create tables.',
};

const chainSchema = z.object({ result: z.string().regex(/^0x[0-9a-f]{1,16}$/i) });

export const checkChain = (url: string | undefined, fetch: Fetch): Check => ({
  id: 'chain',
  async run(signal) {
    if (url === undefined) return skipped('CHAIN_RPC_URL is not set: contract wallets cannot sign in.');
    try {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
      const headers = { 'content-type': 'application/json' };
      const { json, status } = await readJson(fetch, new URL(url), signal, { method: 'POST', body, headers });
      const chain = chainSchema.safeParse(json).data;
      if (chain) return ok(`The server of CHAIN_RPC_URL answers for chain ${BigInt(chain.result)}.`);
      return fail(
        `The server of CHAIN_RPC_URL does not say its chain (status ${status}).`,
        'Correct CHAIN_RPC_URL or its key.',
      );
    } catch (error) {
      if (signal.aborted) throw error;
      return error instanceof SyntaxError
        ? fail('The server of CHAIN_RPC_URL does not speak JSON-RPC.', 'Correct CHAIN_RPC_URL.')
        : fail(
            `The server of CHAIN_RPC_URL does not answer (${causeOf(error)}).`,
            'Start it, or correct CHAIN_RPC_URL.',
          );
    }
  },
});
