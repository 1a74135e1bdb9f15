import { spawn } from 'node:child_process';
import { printable } from '#lib/base/printable.ts';
import type { RelayEnv } from './settings/commands.ts';

/** A request to paste into a shell, whatever the model's name: JSON in single quotes. */
export function curlCommand(url: string, model: string): string {
  const messages = [{ role: 'user', content: 'What is Tabloom?' }];
  const body = JSON.stringify({ model: printable(model), stream: true, messages }).replaceAll("'", String.raw`'\''`);
  return `curl -N ${url}/v1/chat/completions -H 'Content-Type: application/json' -d '${body}'`;
}

export function startupBanner(url: string, model: string, env: Pick<RelayEnv, 'PUBLIC_URL' | 'NATIVE'>): string {
  const shown = env.PUBLIC_URL ? `${url}  (${env.PUBLIC_URL.origin})` : url;
  // Without a native model, the relay forwards to any model that a tab shares.
  const [how, asked] =
    env.NATIVE === 'on'
      ? ['Ask it', model]
      : ['Nothing is shared yet. Open the share page and press “Start sharing”, then ask', 'auto'];
  return `
  Tabloom   ${shown}
  Share     ${url}/share
  OpenAI    ${url}/v1

  ${how}:
  ${curlCommand(url, asked)}

`;
}

const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
  linux: ['xdg-open'],
};

/** Opens the page with the desktop's default opener. Resolves to false when there is none. */
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

/** One key press may deliver a signal repeatedly: a terminal sends it to the whole group, and parents forward it. */
const repeatWindowMs = 500;

export interface ShutdownOptions {
  /** Shuts down; awaited. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  readonly exit: (code: number) => void;
  readonly elapsed: () => number;
  readonly process: {
    on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
    on(event: 'disconnect', listener: () => void): unknown;
  };
}

/**
 * The first SIGINT, SIGTERM or SIGHUP stops and exits with 0 (1 when stopping failed); a second exits with 130. A closed
 * channel to the parent process, where there is one, counts as a SIGTERM: the parent died before it could send one.
 */
export function handleSignals({ stop, exit, elapsed, process }: ShutdownOptions): void {
  let firstAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAtMs === undefined) {
      firstAtMs = elapsed();
      stop(signal).then(
        () => exit(0),
        () => exit(1),
      );
    } else if (elapsed() - firstAtMs > repeatWindowMs) exit(130);
  };
  process.on('disconnect', () => firstAtMs ?? onSignal('SIGTERM'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
}
