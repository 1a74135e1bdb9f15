import { execFile } from 'node:child_process';
import type { Hardware, Measured } from '#lib/protocol/offer.ts';
import { limits } from '#lib/protocol/limits.ts';

/** Runs a program and resolves with what it prints. @throws if it is missing, fails or takes too long. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>;

const programTimeoutMs = 5_000;

export const runProgram: RunProgram = (program, args) =>
  new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: programTimeoutMs, maxBuffer: 1024 * 1024 }, (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout);
    });
  });

/**
 * The GPUs of this machine as its drivers name them; undefined where there are none, or no driver's program that says so. What
 * it returns is offered as a claim: nothing here proves that models run on it.
 */
export async function readHardware(run: RunProgram = runProgram): Promise<Hardware | undefined> {
  for (const read of [readNvidia, readAmd]) {
    const found = await read(run).catch(() => undefined);
    if (found && found.gpus.length > 0) return found;
  }
  return undefined;
}

/** No device known writes one answer faster, in tokens a second: what does has not written it. */
const decodeTpsMax = 20_000;

/**
 * Whether a benchmark bears out what is claimed of this machine: the model is at a server on it, and answered no faster than a
 * device can. It is the machine's own word all the same.
 */
export function bearsOut(baseUrl: string, measured: Measured | undefined): boolean {
  const { hostname } = new URL(baseUrl);
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
  return isHere && measured !== undefined && measured.decodeTps > 0 && measured.decodeTps <= decodeTpsMax;
}

/** `NVIDIA H200, 143771, 570.86.15` a line; the CUDA version is that of the driver. */
async function readNvidia(run: RunProgram): Promise<Hardware> {
  const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader,nounits'];
  const rows = (await run('nvidia-smi', query))
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 3);
  const cuda = /CUDA Version\s*:\s*([\d.]+)/.exec(await run('nvidia-smi', ['--version']).catch(() => ''))?.[1];
  return {
    gpus: gpusOf(rows.map(([name, mebibytes]) => [name!, Number(mebibytes)])),
    ...wordOf('driver', rows[0]?.[2]),
    ...wordOf('runtime', cuda && `CUDA ${cuda}`),
  };
}

/** One member a card, `card0` and so on, whose values are text; the driver's version in a member `system`. */
async function readAmd(run: RunProgram): Promise<Hardware> {
  const args = ['--showproductname', '--showmeminfo', 'vram', '--showdriverversion', '--json'];
  const cards: unknown = JSON.parse(await run('rocm-smi', args));
  if (typeof cards !== 'object' || cards === null) return { gpus: [] };
  const rows = Object.entries(cards).flatMap(([card, values]: [string, unknown]) => {
    if (!/^card\d+$/.test(card) || typeof values !== 'object' || values === null) return [];
    const {
      'Card Series': series,
      'Card series': older,
      'VRAM Total Memory (B)': bytes,
    } = values as Record<string, unknown>;
    return [[String(series ?? older ?? 'AMD GPU'), Number(bytes) / 2 ** 20] as const];
  });
  const system = (cards as Record<string, Record<string, unknown> | undefined>)['system'];
  const driver = system?.['Driver version'];
  return { gpus: gpusOf(rows), ...wordOf('driver', typeof driver === 'string' ? driver : undefined), runtime: 'ROCm' };
}

const gpusOf = (rows: readonly (readonly [string, number])[]): Hardware['gpus'] =>
  rows.slice(0, limits.offerGpusMax).map(([name, mebibytes]) => ({
    name: name.slice(0, limits.wordLengthMax) || 'GPU',
    memoryMiB: Number.isFinite(mebibytes) ? Math.max(0, Math.round(mebibytes)) : 0,
  }));

const wordOf = <Name extends string>(name: Name, text: string | undefined): Partial<Record<Name, string>> =>
  text === undefined || text === '' ? {} : ({ [name]: text.slice(0, limits.wordLengthMax) } as Record<Name, string>);
