import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { findPostgres, findRedis } from '../../../scripts/tasks/services.ts';
import { runRelay, startRelay, temporaryFolder, type RelayProcess } from '../../fixtures/relay-process.ts';
import { startPostgres, startRedis, type Service } from '../../fixtures/services.ts';
import { startEndlessServer, type ScriptedServer } from '../bridge/scripted-server.ts';
import { startLocalChain, type LocalChain } from '../pay/chain.fixture.ts';
import { collect, eventually, health, postChat, readEvents } from './http.ts';
import { startWorker } from './worker.ts';

const missing = findPostgres() === undefined || findRedis() === undefined;

describe.skipIf(missing)(
  'a relay with two gateway workers (needs "postgresql" and "redis-server")',
  { timeout: 180_000 },
  () => {
    let services: Service[];
    let server: ScriptedServer;
    let chain: LocalChain;
    let relay: RelayProcess;
    let tab: Peer | undefined;
    let env: Record<string, string>;

    beforeAll(async () => {
      services = await Promise.all([startPostgres(), startRedis()]);
      [server, chain] = await Promise.all([startEndlessServer(), startLocalChain()]);
      env = { DATABASE_URL: services[0]!.url, REDIS_URL: services[1]!.url };
      relay = await startRelay({
        native: 'with-native',
        env: {
          ...env,
          GATEWAYS: '2',
          CHAIN: chain.anvil.url,
          NATIVE_SERVER: server.baseUrl,
          NATIVE_SLOTS: '5',
          NATIVE_FEATURES: 'seed',
          LOG_LEVEL: 'info',
          SHUTDOWN_SECONDS: '1',
        },
      });
      // Three programs that begin at once.
    }, 180_000);
    afterAll(async () => {
      await tab?.stop();
      await relay?.dispose();
      await server?.close();
      await chain?.stop();
      await Promise.all((services ?? []).map((service) => service.dispose()));
    });

    interface Line {
      readonly event: string;
      readonly gateway?: number;
      readonly pid?: number;
      readonly job?: string;
    }
    const logged = (event: string): readonly Line[] =>
      [...relay.text().matchAll(/^\{.*\}$/gm)]
        .map(([line]) => JSON.parse(line) as Line)
        .filter((line) => line.event === event);
    const pidOf = (gateway: number) => logged('gateway-ready').findLast((line) => line.gateway === gateway)!.pid!;
    const ask = (content: string, more: object = {}) => ({
      model: 'endless',
      messages: [{ role: 'user', content }],
      ...more,
    });
    /** On a connection of its own. */
    const askAnew = (headers: Record<string, string> = {}) =>
      new Promise<{ readonly status: number; readonly id: string }>((resolve, reject) => {
        const asking = request(`${relay.url}/v1/chat/completions`, {
          method: 'POST',
          agent: false,
          headers: { 'content-type': 'application/json', ...headers },
        });
        asking.on('error', reject).on('response', (response) => {
          let text = '';
          response.on('data', (piece: Buffer) => (text += piece.toString()));
          response.on('end', () => resolve({ status: response.statusCode!, id: JSON.parse(text).id }));
        });
        asking.end(JSON.stringify(ask('now')));
      });

    test('both answer for jobs, and the relay tells of all as of one', async () => {
      const whole = await Promise.all([askAnew(), askAnew(), askAnew(), askAnew()]);
      expect(whole.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      await eventually(() => logged('job-asked').length === 4);
      expect(new Set(logged('job-asked').map(({ gateway }) => gateway))).toEqual(new Set([1, 2]));
      const streamed = await postChat(relay.url, ask('now', { stream: true }));
      expect((await collect(readEvents(streamed))).at(-1)).toBe('[DONE]');
      // Each worker counts a job once its answer is out.
      await expect
        .poll(() => health(relay.url))
        .toMatchObject({
          jobs: { finished: 5, failed: 0 },
          native: { state: 'serving' },
          gateways: { ready: 2, starting: 0 },
        });
      const read = async (path: string) => (await fetch(`${relay.url}${path}`)).text();
      await expect.poll(() => read('/metrics')).toMatch(/^tabloom_jobs_total\{.*outcome="finished"\} 5$/m);
      expect(JSON.parse(await read('/v1/network')).models).toMatchObject([{ workers: 2, slots: 5 }]);
      for (const { id } of whole) expect(JSON.parse(await read(`/v1/receipts/${id}`)).data).toHaveLength(1);
      expect((await fetch(`${relay.url}/relay.json`, { headers: { origin: 'https://evil.example' } })).status).toBe(
        403,
      );
      expect(JSON.parse(await read('/v1/nothing')).error.code).toBe('not_found');
    });

    test('both look a tier up on the chain that the relay names, and where nobody has it they say so', async () => {
      for (let count = 0; count < 2; count++) {
        const answer = await postChat(relay.url, ask('now', { peer_tier: 'verified' }), {
          headers: { connection: 'close' },
        });
        const { error } = await answer.json();
        expect(error).toMatchObject({ code: 'tier_unavailable' });
        expect(error.message).not.toContain('cannot be verified here');
      }
    });

    test('an Idempotency-Key means the same at both', async () => {
      const header = { 'idempotency-key': 'once' };
      const first = await askAnew(header);
      const before = logged('job-asked').length;
      const gateways = () =>
        new Set(
          logged('job-asked')
            .slice(before)
            .map(({ gateway }) => gateway),
        );
      const others: (typeof first)[] = [];
      // The first one stores it a moment after it has answered.
      await eventually(async () => {
        const again = await askAnew(header);
        if (again.status === 200) others.push(again);
        return gateways().size === 2;
      });
      expect(new Set(others.map(({ id }) => id))).toEqual(new Set([first.id]));
    });

    test('a peer joins through the port, and both find it', async () => {
      tab = await startWorker(relay.url, 0, { slots: 8 });
      const before = logged('job-asked').length;
      const both = () =>
        new Set(
          logged('job-asked')
            .slice(before)
            .map(({ gateway }) => gateway),
        ).size === 2;
      const askTab = async () => {
        const answer = await postChat(relay.url, ask('now', { model: 'scripted-0', max_tokens: 4 }), {
          headers: { connection: 'close' },
        });
        const body = await answer.json();
        if (answer.status === 200) expect(body.tabloom.role).toBe('tab');
      };
      await eventually(async () => {
        // Two at once, as a connection kept alive from before counts as one that its worker is busy with.
        await Promise.all([askTab(), askTab()]);
        return both();
      });
    });

    test('one that is killed ends its own answers alone, comes back, and the books are even', async () => {
      const running = await postChat(relay.url, ask('What is Tabloom?', { stream: true }));
      const events = readEvents(running);
      const { value } = await events.next();
      const job = typeof value === 'object' ? value.id.replace('chatcmpl-', '') : '';
      const { gateway } = logged('job-asked').find((line) => line.job === job)!;
      const pid = pidOf(gateway!);
      process.kill(pid, 'SIGKILL');
      await expect(collect(events)).rejects.toThrow();
      expect((await askAnew()).status).toBe(200);
      await eventually(() => pidOf(gateway!) !== pid);
      await expect.poll(async () => (await health(relay.url)).gateways).toEqual({ ready: 2, starting: 0 });
      // By itself as it begins; where that takes it a minute, another has done it.
      expect([...logged('ledger-recovered'), ...logged('gateway-lost')]).not.toEqual([]);
      const { code, text } = await runRelay(['ledger', 'check'], { ...env, DATA_DIR: await temporaryFolder() });
      expect(code, text).toBe(0);
    });

    test('when the relay is killed, its workers end too', async () => {
      const pids = [pidOf(1), pidOf(2)];
      await relay.halt('SIGKILL');
      const isGone = (pid: number) => {
        try {
          return !process.kill(pid, 0);
        } catch {
          return true;
        }
      };
      await eventually(() => pids.every(isGone));
    });
  },
);
