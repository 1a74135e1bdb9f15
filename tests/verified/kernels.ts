import { fork } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineEvent, RequestOf, ScoreRequest } from '#lib/engine/spec.ts';
import type { Scored } from '#lib/trust/rescore.ts';

/**
 * The builds of llama.cpp's kernels that its package has for this kind of processor, of which it takes the best that runs: another one adds up the
 * same numbers in another order, as another machine would.
 */
export interface Kernel {
  readonly answer: (request: RequestOf<'chat'>) => Promise<readonly EngineEvent[]>;
  readonly score: (asked: ScoreRequest) => Promise<readonly Scored[]>;
  close(): void;
}

export type KernelAsked = { readonly id: number } & (
  | { readonly type: 'answer'; readonly asked: RequestOf<'chat'> }
  | { readonly type: 'score'; readonly asked: ScoreRequest }
);
export interface KernelAnswer {
  readonly id: number;
  readonly found?: readonly EngineEvent[] | readonly Scored[];
  readonly error?: string;
}

const kernelFile = /^(?:lib)?ggml-cpu-(.+)\.(?:so|dll|dylib)$/;

/** Where the package's binaries for this platform are; undefined where it has none with kernels to choose from. */
function binaries():
  { readonly folder: string; readonly version: string; readonly names: readonly string[] } | undefined {
  const { platform, arch } = process;
  try {
    const entry = createRequire(import.meta.url).resolve(`@node-llama-cpp/${platform}-${arch}`);
    const root = join(dirname(entry), '..');
    const folder = join(root, 'bins', `${platform}-${arch}`);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
    return { folder, version, names: readdirSync(folder).flatMap((name) => kernelFile.exec(name)?.[1] ?? []) };
  } catch {
    return undefined;
  }
}

/** They run on each such processor of the last ten years, and add up otherwise than the best kernels of the newest do. */
const plainer: Readonly<Record<string, string>> = { x64: 'haswell', arm64: 'armv8.0_1' };

/** Other kernels than node-llama-cpp takes by itself. @throws where its package has none for this processor, as on macOS. */
export const startOtherKernel = (): Promise<Kernel> => startKernel(plainer[process.arch] ?? process.arch);

/** @throws where these kernels need a processor that this is not. */
export async function startKernel(name: string, threads = 1): Promise<Kernel> {
  const found = binaries();
  if (!found?.names.includes(name)) throw new Error(`There are no kernels "${name}" here.`);
  const own = mkdtempSync(join(tmpdir(), 'tabloom-kernel-'));
  const bins = join(own, 'bins');
  cpSync(found.folder, join(bins, basename(found.folder)), {
    recursive: true,
    filter: (path) => (kernelFile.exec(basename(path))?.[1] ?? name) === name,
  });
  const module = `export const getBinsDir = () => (${JSON.stringify({ binsDir: bins, packageVersion: found.version })});\n`;
  writeFileSync(join(own, 'index.mjs'), module);
  const program = fileURLToPath(new URL('kernel.process.ts', import.meta.url));
  const child = fork(program, [own, String(threads)], { execArgv: [] });
  const waiting = new Map<number, PromiseWithResolvers<NonNullable<KernelAnswer['found']>>>();
  const started = Promise.withResolvers<NonNullable<KernelAnswer['found']>>();
  waiting.set(0, started);
  child.on('message', ({ id, found: answer, error }: KernelAnswer) => {
    const one = waiting.get(id);
    waiting.delete(id);
    if (answer) one?.resolve(answer);
    else one?.reject(new Error(error));
  });
  child.on('exit', () => {
    rmSync(own, { recursive: true, force: true });
    for (const one of waiting.values()) one.reject(new Error(`The process with the kernels "${name}" has ended.`));
    waiting.clear();
  });
  await started.promise;
  let last = 0;
  const ask = <T>(asked: Omit<KernelAsked, 'id'>): Promise<T> => {
    const id = ++last;
    const one = Promise.withResolvers<NonNullable<KernelAnswer['found']>>();
    waiting.set(id, one);
    child.send({ ...asked, id });
    return one.promise as Promise<T>;
  };
  return {
    answer: (asked) => ask({ type: 'answer', asked }),
    score: (asked) => ask({ type: 'score', asked }),
    close: () => void child.kill(),
  };
}
