import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface ToolResult {
  readonly code: number;
  readonly output: string;
}

const outputMax = 4_000_000;

/** Runs an executable of `node_modules/.bin`, or a path, from the root. Output beyond 4 MB is dropped from the front. */
export function runTool(
  name: string,
  args: readonly string[],
  options: { readonly show: 'always' | 'on-failure'; readonly env?: Readonly<Record<string, string>> },
): Promise<ToolResult> {
  const command = name.includes('/') ? name : join(projectRoot, 'node_modules/.bin', name);
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: projectRoot,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-outputMax);
      if (options.show === 'always') process.stdout.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code !== 0 && options.show === 'on-failure') process.stdout.write(output);
      resolve({ code: code ?? (signal ? 1 : 0), output });
    });
  });
}
