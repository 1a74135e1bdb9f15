import { expect, test } from 'vitest';
import { startError } from './start-error.ts';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

test.each([
  // A library built for v0_2_48 under WebLLM 0.2.86.
  ['model-corrupt', named('LinkError', 'Import #0 "env" "_ZN3tvm7runtime9threading15ResetThreadPoolEv": not callable')],
  [
    'model-corrupt',
    named('LinkError', 'Import #7 "env" "_ZN3tvm7runtime6memory13MemoryManager6GlobalEv": not callable'),
  ],
  ['model-too-large', named('RangeError', 'WebAssembly.Memory(): could not allocate memory')],
  ['model-too-large', named('DeviceLostError', 'The WebGPU device was lost while loading the model.')],
  ['no-webgpu', named('ShaderF16SupportError', 'This model requires WebGPU extension shader-f16')],
  ['load-failed', named('TypeError', 'Failed to fetch')],
  ['model-corrupt', named('TypeError', 'Cannot read properties of undefined')],
  ['load-failed', named('Error', 'Something else')],
] as const)('%s', (code, cause) => {
  expect(startError(cause)).toMatchObject({ code, details: { reason: `${cause.name}: ${cause.message}` } });
});
