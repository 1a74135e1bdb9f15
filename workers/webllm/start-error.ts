import { TabloomError } from '#lib/base/errors.ts';

/** What went wrong while WebLLM started, by what it says: it has no codes. */
export function startError(cause: unknown): TabloomError {
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const details = { reason: said.slice(0, 256) };
  // Not every file goes through our hands: WebLLM fetches a library of this machine itself.
  if (/^TypeError: (?:Failed to fetch|NetworkError|Load failed)/.test(said)) return unfetched(cause, details);
  // Before memory, because a function that is missing from a library of another line may well be one about memory.
  if (/^(?:LinkError|CompileError)/.test(said)) return unfit(cause, details);
  if (/memory|DeviceLost|allocation|createBuffer/i.test(said)) {
    const message = 'The model does not fit into the memory of this GPU. Choose a smaller one.';
    return new TabloomError('model-too-large', message, { cause, details });
  }
  if (/TypeError|RuntimeError|Integrity|tokenizer|JSON/i.test(said)) return unfit(cause, details);
  if (/WebGPU|GPU|shader-f16/i.test(said)) {
    const message = 'The GPU cannot be used by this engine. See the doctor page.';
    return new TabloomError('no-webgpu', message, { cause, details });
  }
  return new TabloomError('load-failed', 'The engine could not start this model. Try again.', { cause, details });
}

const unfetched = (cause: unknown, details: { readonly reason: string }): TabloomError =>
  new TabloomError(
    'load-failed',
    'A file of the model could not be fetched while it started. Look whether its server runs, and try again.',
    { cause, details },
  );

const unfit = (cause: unknown, details: { readonly reason: string }): TabloomError =>
  new TabloomError(
    'model-corrupt',
    'The model and its library do not fit together, or a file is broken. Correct the addresses or load again.',
    { cause, details },
  );
