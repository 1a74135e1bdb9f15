import { TabloomError } from '#lib/base/errors.ts';

/** Classifies an error of WebLLM's start by its message, since it has no codes. */
export function startError(cause: unknown): TabloomError {
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const details = { reason: reason.slice(0, 256) };
  // WebLLM fetches libraries from localhost itself.
  if (/^TypeError: (?:Failed to fetch|NetworkError|Load failed)/.test(reason)) return unfetched(cause, details);
  // Checked before memory errors, because a function missing from a mismatched library may have memory in its name.
  if (/^(?:LinkError|CompileError)/.test(reason)) return unfit(cause, details);
  if (/memory|DeviceLost|allocation|createBuffer/i.test(reason)) {
    const message = 'The model does not fit into this GPU’s memory. Choose a smaller one.';
    return new TabloomError('model-too-large', message, { cause, details });
  }
  if (/TypeError|RuntimeError|Integrity|tokenizer|JSON/i.test(reason)) return unfit(cause, details);
  if (/WebGPU|GPU|shader-f16/i.test(reason)) {
    const message = 'The engine cannot use this GPU. See the doctor page.';
    return new TabloomError('no-webgpu', message, { cause, details });
  }
  return new TabloomError('load-failed', 'The engine could not start this model. Try again.', { cause, details });
}

const unfetched = (cause: unknown, details: { readonly reason: string }): TabloomError =>
  new TabloomError(
    'load-failed',
    'A file of the model could not be fetched while starting. Check that its server is running, and try again.',
    { cause, details },
  );

const unfit = (cause: unknown, details: { readonly reason: string }): TabloomError =>
  new TabloomError(
    'model-corrupt',
    'The model and its library do not match, or a file is corrupt. Correct the addresses or load it again.',
    { cause, details },
  );
