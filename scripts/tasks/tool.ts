import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface ToolResult {
  readonly code: number;
  readonly output: string;
}

const outputMax = 4_000_000;

/** Sink for a task's visible output. */
export type Print = (text: string) => void;

export const printNow: Print = (text) => void process.stdout.write(text);

/** Runs an executable of `node_modules/.bin`, or a path, from the root. Output beyond 4 MB is dropped from the front. */
export function runTool(
  name: string,
  args: readonly string[],
  options: {
    readonly show: 'always' | 'on-failure';
    readonly print?: Print | undefined;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<ToolResult> {
  const { show, print = printNow, env } = options;
  const command = name.includes('/') ? name : join(projectRoot, 'node_modules/.bin', name);
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: projectRoot,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (text: string) => {
      output = (output + text).slice(-outputMax);
      if (show === 'always') print(text);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code !== 0 && show === 'on-failure') print(output);
      resolve({ code: code ?? (signal ? 1 : 0), output });
    });
  });
}
