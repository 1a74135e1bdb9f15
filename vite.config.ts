import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/**
 * What several lazy parts share is one file: by itself each would be a request of its own, of which a slow connection makes six at a time
 * and waits seconds for each.
 */
const later = /messages.compiled.messages|src.lib.(base|protocol|state|ui.(?!markdown))/;

/**
 * What asks for the first answer, without what shows it: a part that is shown fails in its own place, so it has a file of its own.
 */
const asking = /src.lib.(boot.tab|state.conversations.svelte).ts$/;

/**
 * Everything that the first page begins with is one file beside its entries, and with it what is needed when other files are gone: the page for
 * errors, and what finds a newer version.
 */
const shell = new RegExp(
  [
    'src.routes.(\\+(layout|error).(svelte|ts)|\\(chat\\).\\+(layout|page).svelte)',
    'src.lib.(ui.shell.NewVersion.svelte|boot.service-worker.ts)',
    'kit.src.runtime.client.entry.js',
  ]
    .map((path) => `${path}$`)
    .join('|'),
);

export default defineConfig({
  plugins: [tailwindcss(), sveltekit()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 8_000,
    // Names of what a lazy part imports, as a list beside each place that loads it, cost the first page 2 kB; the service
    // worker and the first idle moment fetch those files anyway.
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_, files) => files.filter((file) => file.endsWith('.css')),
    },
  },
  environments: {
    // Not on the server, where a file would run what none of its pages asked for.
    client: {
      build: {
        rolldownOptions: {
          output: {
            codeSplitting: {
              groups: [
                { name: 'first-page', test: shell, priority: 3 },
                { name: 'later', test: later, minShareCount: 2, priority: 2 },
                { name: 'network', test: /src.lib.boot.tab-net.ts$/, priority: 1 },
                { name: 'asking', test: asking, priority: 1 },
              ],
            },
          },
        },
      },
    },
  },
});
