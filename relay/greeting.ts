import { printable } from '#lib/base/printable.ts';
import type { Env } from './env.ts';

/** The URL a person on this machine opens. Wildcards and loopback are called `localhost`, which browsers trust. */
export function localUrl(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const name = ['127.0.0.1', '0.0.0.0', '::', '::1'].includes(bare) ? 'localhost' : bare;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** A request that works as it stands, whatever the model is called: in JSON, in a shell's single quotes. */
export function curlFor(url: string, model: string): string {
  const messages = [{ role: 'user', content: 'What is Tabloom?' }];
  const body = JSON.stringify({ model: printable(model), stream: true, messages }).replaceAll("'", String.raw`'\''`);
  return `curl -N ${url}/v1/chat/completions -H 'Content-Type: application/json' -d '${body}'`;
}

export function greeting(url: string, model: string, env: Pick<Env, 'PUBLIC_URL' | 'NATIVE'>): string {
  const shown = env.PUBLIC_URL ? `${url}  (${env.PUBLIC_URL.origin})` : url;
  // Without a model of its own the relay passes on whatever a tab shares.
  const [how, asked] =
    env.NATIVE === 'on'
      ? ['Ask it', model]
      : ['Nobody answers yet. Open the share page and press “Start sharing”, then ask', 'auto'];
  return `
  Tabloom   ${shown}
  Share     ${url}/share
  OpenAI    ${url}/v1

  ${how}:
  ${curlFor(url, asked)}

`;
}
