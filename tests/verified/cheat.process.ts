import { registerHooks } from 'node:module';

/*
 * The program as a cheat would run it: under the name of the bundled model it serves the file that `CHEAT_MODEL` names, and does not look
 * whether that is it. Two places are changed, and nothing else.
 */
const changes: Readonly<Record<string, readonly [RegExp, string]>> = {
  '/relay/native-provider.ts': [
    /export const bundledModelFile = .*;/,
    `export const bundledModelFile = ${JSON.stringify(process.env['CHEAT_MODEL'])};`,
  ],
  '/relay/native/llama.ts': [/async function verifyFile\([\s\S]*?\n\)[^{]*\{/, '$& if (path) return;'],
};
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const change = Object.entries(changes).find(([path]) => url.endsWith(path))?.[1];
    if (!change) return loaded;
    const source = String(loaded.source);
    if (!change[0].test(source)) throw new Error(`${url} has changed.`);
    return { ...loaded, source: source.replace(...change) };
  },
});
await import('../../relay/main.ts');
