import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from '#lib/peer/peer.ts';
import { limits } from '#lib/protocol/limits.ts';
import { runRelay, startRelay, temporaryFolder } from '../fixtures/relay-process.ts';
import { startWorker } from '../integration/relay/worker.ts';

/** A relay as its owner starts it, and two workers that reached it as tabs do: the clients see nothing but its port. */
export interface World {
  readonly url: string;
  /** As clients are given it: with `/v1`. */
  readonly baseUrl: string;
  /** Answers as fast as it is read. */
  readonly model: string;
  /** Answers for minutes, so that it is stopped or not at all. */
  readonly slowModel: string;
  /** One that works, and those that do not. */
  readonly keys: RelayKeys;
  /** Jobs that run on the slow model now. */
  running(): number;
  /** Resolves when this many run. @throws after ten seconds. */
  settled(running: number): Promise<void>;
  /** Takes every place that one asker may have on the slow model; the result gives them back. */
  fill(): Promise<() => Promise<void>>;
  dispose(): Promise<void>;
}

export interface RelayKeys {
  readonly good: string;
  readonly wrong: string;
  readonly revoked: string;
  /** All of its requests are used. */
  readonly spent: string;
  /** For pages of `https://widget.example`. */
  readonly ofPages: string;
}

export const appOrigins = [
  'https://app.example',
  'app://obsidian.md',
  'chrome-extension://abcdefghijklmnop',
  'vscode-webview://1f2e3d4c',
  'tauri://localhost',
];

/** Only ends what hangs. */
const settleMs = 60_000;

export async function startWorld(): Promise<World> {
  const dataDir = await temporaryFolder();
  const relay = await startRelay({ native: 'no-native', dataDir, env: { ALLOWED_ORIGINS: appOrigins.join(',') } });
  const workers: Peer[] = [];
  workers.push(await startWorker(relay.url, 0, { slots: 8 }));
  workers.push(await startWorker(relay.url, 20, { answerTokens: 4_000, slots: 8 }));
  const slow = workers[1]!;
  const baseUrl = `${relay.url}/v1`;
  const model = 'scripted-0';
  const slowModel = 'scripted-20';

  const running = () => slow.provider.state.running + slow.provider.state.queued;
  const settled = async (wanted: number) => {
    const until = Date.now() + settleMs;
    while (running() !== wanted && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(running(), wanted, 'jobs running on the slow model');
  };
  const listed = async () => {
    const names = async () => ((await (await fetch(`${baseUrl}/models`)).json()) as { data: { id: string }[] }).data;
    const until = Date.now() + settleMs;
    while ((await names()).length < 2 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await listed();
  const keys = await makeKeys(dataDir, baseUrl, model);

  return {
    url: relay.url,
    baseUrl,
    model,
    slowModel,
    keys,
    running,
    settled,
    async fill() {
      const gone = new AbortController();
      const body = JSON.stringify({
        model: slowModel,
        stream: true,
        max_tokens: 2_000,
        messages: [{ role: 'user', content: 'Hold on.' }],
      });
      const headers = { 'content-type': 'application/json' };
      const ask = () => fetch(`${baseUrl}/chat/completions`, { method: 'POST', headers, body, signal: gone.signal });
      const held = await Promise.all(Array.from({ length: limits.jobsPerPeerMax }, ask));
      assert.ok(held.every(({ status }) => status === 200));
      await settled(limits.jobsPerPeerMax);
      return async () => {
        gone.abort();
        await settled(0);
      };
    },
    async dispose() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await relay.dispose();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** As an operator makes them, while the relay runs. */
async function makeKeys(DATA_DIR: string, baseUrl: string, model: string): Promise<RelayKeys> {
  const command = async (...args: readonly string[]) => {
    const { code, text } = await runRelay(['keys', ...args], { DATA_DIR });
    assert.equal(code, 0, text);
    return text;
  };
  const create = async (...flags: readonly string[]) => {
    const text = await command('create', ...flags);
    return { key: /^[sp]k_[\w-]{43}$/m.exec(text)![0], id: /Key ([0-9a-f]{16})/.exec(text)![1]! };
  };
  const [good, revoked, spent, ofPages] = await Promise.all([
    create(),
    create(),
    create('--requests-total', '1'),
    create('--publishable', '--origins', 'https://widget.example', '--requests-per-day', '100'),
  ]);
  await command('revoke', '--id', revoked!.id);
  const spending = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${spent!.key}` },
    body: JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'Once.' }] }),
  });
  assert.equal(spending.status, 200);
  await spending.text();
  const wrong = `sk_${'x'.repeat(43)}`;
  return { good: good!.key, wrong, revoked: revoked!.key, spent: spent!.key, ofPages: ofPages!.key };
}

/** The installed version of a package. */
export function versionOf(name: string): string {
  const path = join(import.meta.dirname, '../../node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
