import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveBuiltPage } from '../fixtures/built-page.ts';

const root = fileURLToPath(new URL('page', import.meta.url));
const models = fileURLToPath(new URL('../../static/', import.meta.url));

/** The page of peers, as it ships, with the bundled model beside it. */
export async function servePage(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const { port, close } = await serveBuiltPage({
    root,
    minify: true,
    async serve(path, _request, response) {
      if (!path.startsWith('/models/')) return false;
      response.end(await readFile(join(models, path)));
      return true;
    },
  });
  return { url: `http://localhost:${port}`, close };
}
