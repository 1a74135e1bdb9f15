import { errorCode } from '#lib/base/errors.ts';
import { chat, createEngine, modelOf, read, type Setup } from './subject.ts';

/** Streams until the device is taken away from outside; gives back the code it ended with and whether a new load works. */
export async function loseDevice(setup: Setup, streaming: () => void) {
  const engine = createEngine(setup);
  try {
    const loaded = await engine.load(modelOf(setup), {});
    const code = await (async () => {
      for await (const event of loaded.doStream(chat('Tell me a long story.', 2_000), {})) {
        if (event.type === 'text-delta') streaming();
      }
      return 'nothing-thrown';
    })().catch(errorCode);
    const again = await engine
      .load(modelOf(setup), {})
      .then((model) => read(model, chat('Hello', 3)))
      .then(
        ({ tokens }) => `${tokens} tokens`,
        (error: unknown) => `${errorCode(error)}: ${String(error)}`,
      );
    return { code, again };
  } finally {
    await engine.close();
  }
}
