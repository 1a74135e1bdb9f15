import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Plugin } from 'vite';

/** What stays a package of its own: native code, which a bundle cannot hold. */
export const externalPackages = ['node-datachannel', 'node-llama-cpp'] as const;

/**
 * Writes the program as JavaScript into `folder/relay`: Node strips no types below `node_modules`. Everything that it imports
 * is in it, except native packages, and the licences of what is in it are in `folder/THIRD-PARTY.md`.
 */
export async function bundleProgram(root: string, folder: string): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    plugins: [workerNames],
    // Not those of browsers: several packages have a build for each.
    ssr: { target: 'node', noExternal: true, external: [...externalPackages] },
    build: {
      ssr: true,
      target: 'node22',
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      sourcemap: false,
      copyPublicDir: false,
      license: { fileName: 'THIRD-PARTY.md' },
      rolldownOptions: {
        input: { main: join(root, 'relay/main.ts'), ...workersOf(root) },
        external: [/^node-datachannel(\/|$)/, 'node-llama-cpp', 'pg-native'],
        output: {
          // One folder, as deep as in the source, since files are found relative to it.
          entryFileNames: 'relay/[name].js',
          chunkFileNames: 'relay/[name]-[hash].js',
          banner: ({ name, isEntry }) => (isEntry && name === 'main' ? '#!/usr/bin/env node' : ''),
        },
      },
    },
  });
}

/** Threads beside the program, each an entry by its file's name. */
const workersOf = (root: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    globSync('relay/**/*.worker.ts', { cwd: root }).map((file) => [basename(file, '.ts'), join(root, file)]),
  );

/** A worker is named by its file, which is JavaScript then. */
const workerNames: Plugin = {
  name: 'worker-names',
  transform: (code) =>
    code.includes('.worker.ts') ? code.replaceAll(/(?<=\.\/[\w-]+\.worker)\.ts(?=['"])/g, '.js') : undefined,
};
