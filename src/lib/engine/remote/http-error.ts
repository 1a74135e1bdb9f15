import { TabloomError } from '#lib/base/errors.ts';

const bodyBytesMax = 64 * 1024;

/** A refusal of a model server as an engine error. Reads at most 64 KiB of the body and repeats little of it. */
export async function httpError(response: Response): Promise<TabloomError> {
  const said = await readSome(response);
  const details = { status: response.status };
  const is = (code: string, message: string) => new TabloomError(code, message, { details });
  if (response.status === 429 || response.status === 503)
    return is('busy', 'The model server is busy. Try again soon.');
  if (response.status === 401 || response.status === 403) {
    return is('engine-failed', 'The model server refuses the key. Correct it in the settings.');
  }
  if (response.status === 404) return is('model-unknown', 'The model server does not have this model or this address.');
  // Four servers, four wordings: "maximum context length", "exceed_context_size_error", "exceeds the context", "too long".
  if ((response.status === 400 || response.status === 413) && /context|too long|maximum.*tokens/i.test(said)) {
    return is('too-long', 'The conversation is longer than the model can read. Shorten it.');
  }
  return is('engine-failed', `The model server answered with status ${response.status}.`);
}

async function readSome(response: Response): Promise<string> {
  if (!response.body) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    while (text.length < bodyBytesMax) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // A body that breaks off still has its status.
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return text;
}
