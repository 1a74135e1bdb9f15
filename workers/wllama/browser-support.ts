import { TabloomError } from '#lib/base/errors.ts';

/** `(module (memory i64 1))`: the engine's wasm uses 64-bit memory. */
const memory64 = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1);

/**
 * Fails before anything is fetched if the engine's wasm cannot start in this browser, whose own message would be about
 * bytes and opcodes. @throws `load-failed`.
 */
export function assertBrowserSupport(wasm: Pick<typeof WebAssembly, 'validate'>): void {
  if (wasm.validate(memory64)) return;
  throw new TabloomError(
    'load-failed',
    'This browser cannot run the engine: it lacks 64-bit WebAssembly memory. Use a current Chrome, Edge or Firefox.',
  );
}
