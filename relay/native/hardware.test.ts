import { expect, test } from 'vitest';
import { readHardware, runProgram, type RunProgram } from './hardware.ts';

const prints =
  (outputs: Readonly<Record<string, string>>): RunProgram =>
  async (program, args) => {
    const output = outputs[`${program} ${args[0]}`];
    if (output === undefined) throw new Error('not found');
    return output;
  };
const query = 'nvidia-smi --query-gpu=name,memory.total,driver_version';

test('NVIDIA cards, with driver and CUDA', async () => {
  const run = prints({
    [query]: 'NVIDIA H200, 143771, 570.86.15\nNVIDIA H200, 143771, 570.86.15\n',
    'nvidia-smi --version': 'NVIDIA-SMI version  : 570.86.15\nCUDA Version        : 12.8\n',
  });
  expect(await readHardware(run)).toEqual({
    gpus: [
      { name: 'NVIDIA H200', memoryMiB: 143_771 },
      { name: 'NVIDIA H200', memoryMiB: 143_771 },
    ],
    driver: '570.86.15',
    runtime: 'CUDA 12.8',
  });
});

test('an older driver that does not say its CUDA, and memory that it cannot tell', async () => {
  expect(await readHardware(prints({ [query]: 'NVIDIA GB10, [N/A], 580.1\n' }))).toEqual({
    gpus: [{ name: 'NVIDIA GB10', memoryMiB: 0 }],
    driver: '580.1',
  });
});

test('AMD cards', async () => {
  const card = { 'Card Series': 'AMD Instinct MI300X', 'VRAM Total Memory (B)': String(192 * 2 ** 30) };
  const json = JSON.stringify({ card0: card, system: { 'Driver version': '6.8.5' } });
  expect(await readHardware(prints({ 'rocm-smi --showproductname': json }))).toEqual({
    gpus: [{ name: 'AMD Instinct MI300X', memoryMiB: 196_608 }],
    driver: '6.8.5',
    runtime: 'ROCm',
  });
});

test.each([
  ['no driver', {}],
  ['no cards', { [query]: '\n' }],
  [
    'an error in place of a list',
    { [query]: 'NVIDIA-SMI has failed because it could not communicate with the driver.\n' },
  ],
  ['AMD output that is not JSON', { 'rocm-smi --showproductname': 'WARNING: no cards' }],
  ['AMD output without cards', { 'rocm-smi --showproductname': 'null' }],
])('%s: nothing is claimed', async (_name, outputs) => {
  expect(await readHardware(prints(outputs))).toBeUndefined();
});

test('a program that is missing or hangs is an error, not a wait', async () => {
  await expect(runProgram('/nonexistent/nvidia-smi', [])).rejects.toThrow();
});
