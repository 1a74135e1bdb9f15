import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const page = fileURLToPath(new URL('./page', import.meta.url));

/** Builds the page and the workers under test into `outDir`, with the WebLLM of `webLlmFolder` where one is named. */
export async function buildPage(outDir: string, webLlmFolder: string | undefined): Promise<void> {
  await build({
    root: page,
    base: './',
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    worker: { format: 'es' },
    resolve: { alias: webLlmFolder === undefined ? {} : { '@mlc-ai/web-llm': join(webLlmFolder, 'lib/index.js') } },
    build: { outDir, emptyOutDir: true, target: 'es2022', minify: false, chunkSizeWarningLimit: 100_000 },
  });
}
