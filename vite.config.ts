import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/**
 * Texts that several pages share would else be a file each. Those that no page begins with stay with their component.
 */
const sharedTexts =
  /messages.compiled.(?!messages.(load_|model_|copy_|copied|history|answer_|retry|cancel|yes|no|not_|loading_))/;

export default defineConfig({
  plugins: [tailwindcss(), sveltekit()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 8_000,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'texts', test: sharedTexts, minShareCount: 2 }] } },
    },
  },
});
