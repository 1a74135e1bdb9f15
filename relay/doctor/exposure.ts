import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLoopback } from '../gateway/caller.ts';
import { causeOf, fail, ok, skipped, warn, type Check } from './finding.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';
import { relayInfoOf } from './relay-answers.ts';
import type { ServingRelay } from './port.ts';

export const checkPages = (folder: string): Check => ({
  id: 'pages',
  run: () =>
    stat(join(folder, 'index.html')).then(
      () => ok('The pages are built.'),
      () => warn('The pages are not built; only the gateway is served.', 'Start with "npm start", which builds them.'),
    ),
});

export interface ExposureInput {
  readonly host: string;
  readonly publicUrl: URL | undefined;
  readonly trustedProxies: readonly string[];
  readonly apiKeys: 'optional' | 'required';
  readonly metricsToken: string | undefined;
}

/** Who reaches the port, and as whom they count. */
export const checkExposure = ({ host, publicUrl, trustedProxies, apiKeys, metricsToken }: ExposureInput): Check => ({
  id: 'access',
  async run() {
    const isLocal = isLoopback(host) || host === 'localhost';
    if (publicUrl && trustedProxies.length === 0) {
      return warn(
        'PUBLIC_URL names a proxy, and TRUSTED_PROXIES is empty: all visitors share the address of the proxy and its limits, and count as programs of this machine where it stands here and sends no X-Forwarded-For.',
        `Have it send X-Forwarded-For, and name its address: TRUSTED_PROXIES=${isLocal ? '127.0.0.1,::1' : '10.0.0.2'}, for instance.`,
      );
    }
    if (isLocal && !publicUrl) return ok('Only this machine reaches the relay.');
    const who = apiKeys === 'required' ? 'with a key' : 'without a key';
    if (metricsToken === undefined)
      return ok(`Other machines may ask ${who}. /metrics is for this machine alone; METRICS_TOKEN opens it to others.`);
    return ok(`Other machines may ask ${who}, and read /metrics with the token.`);
  },
});

export interface PublicInput {
  readonly url: URL | undefined;
  readonly fetch: Fetch;
  readonly serving: (signal: AbortSignal) => Promise<ServingRelay | undefined>;
}

/** Whether the public address leads to this relay; it can only be seen while the relay runs. */
export const checkPublicUrl = ({ url, fetch, serving }: PublicInput): Check => ({
  id: 'public-address',
  async run(signal) {
    if (!url) return skipped('PUBLIC_URL is not set.');
    const relay = await serving(signal);
    if (!relay) return skipped(`The relay does not run, so it cannot be seen whether ${url.origin} leads to it.`);
    try {
      const { json, status } = await readJson(fetch, new URL('relay.json', url), signal);
      const info = relayInfoOf(json);
      if (info?.peer === relay.peer) {
        const { status: metrics } = await fetch(new URL('metrics', url), {
          signal,
          redirect: 'manual',
          method: 'HEAD',
        });
        return metrics === 200
          ? fail(
              `${url.origin}/metrics is open to everyone, and visitors count as programs of this machine.`,
              'Have the proxy send X-Forwarded-For, and name its address in TRUSTED_PROXIES.',
            )
          : ok(`${url.origin} leads to this relay.`);
      }
      if (info)
        return fail(`${url.origin} leads to another relay.`, 'Correct PUBLIC_URL, or where the proxy forwards to.');
      const mend = status === 421 ? 'Have the proxy forward the Host header.' : 'Look at where the proxy forwards to.';
      return fail(`${url.origin} answers with status ${status}, not as this relay.`, mend);
    } catch (error) {
      if (signal.aborted) throw error;
      return error instanceof SyntaxError
        ? fail(`${url.origin} does not lead to this relay.`, 'Look at where the proxy forwards to.')
        : fail(
            `${url.origin} does not answer (${causeOf(error)}).`,
            'Correct PUBLIC_URL, its DNS, its certificate or the proxy.',
          );
    }
  },
});
