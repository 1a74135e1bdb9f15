import { spawn } from 'node:child_process';
import { printable } from '#lib/base/printable.ts';
import type { Env } from './settings.ts';

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

const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/** Opens the page with the desktop's own means. Resolves to whether there was one. */
export function openBrowser(url: string): Promise<boolean> {
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}

/** How often the same signal may arrive for one key press: a terminal sends it to the whole group, parents pass it on. */
const echoMs = 500;

export interface ShutdownOptions {
  /** Ends what runs; awaited. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  readonly exit: (code: number) => void;
  readonly elapsed: () => number;
  readonly process: {
    on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
    on(event: 'disconnect', listener: () => void): unknown;
  };
}

/**
 * On the first SIGINT, SIGTERM or SIGHUP stops and leaves with 0 (1 when stopping failed); on a second leaves with 130.
 * The end of the channel to the parent, where there is one, is a SIGTERM from a parent that could send none.
 */
export function handleSignals({ stop, exit, elapsed, process }: ShutdownOptions): void {
  let since: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (since === undefined) {
      since = elapsed();
      stop(signal).then(
        () => exit(0),
        () => exit(1),
      );
    } else if (elapsed() - since > echoMs) exit(130);
  };
  process.on('disconnect', () => since ?? onSignal('SIGTERM'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}
