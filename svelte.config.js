import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';
import { compileMessages } from './messages/compile.js';
import { preloadFirst } from './scripts/preload-first.js';

await compileMessages();

/** @type {import('@sveltejs/kit').Config} */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true) },
  kit: {
    adapter: preloadFirst(adapter({ fallback: '200.html', precompress: true })),
    files: { lib: 'src/lib' },
    serviceWorker: { register: false },
  },
};
