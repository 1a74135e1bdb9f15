import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/**
 * What every page begins with and lazy parts use too would else be twenty small files. Texts that no page begins with stay
 * with the component that shows them.
 */
const firstPage = new RegExp(
  [
    'messages.(language|compiled.registry|compiled.messages.(?!(?:ago_|audits_|checks_|market_|board_|receipt_|receipted_|column_|directory_|speech_|wishes|share_title|share_stop|place_keys|verify_|answers.js|prices_|load_|model_|copy_|copied|history|answer_|retry|cancel|channel_|doing_|keys_|money_|yes|no|not_|loading_|pay_|price_|dollars_|wallet_|earned_|standing_|clock_|path_|share_take_over|widget_|embed_|settings_theme_)))',
    'src.lib.base.(abort|bytes|clock|errors|ids|part|random).ts',
    'src.lib.(state.(app|context|device|library|network|question-length|settings|sharing|target|wallet|watched)|protocol.max-tokens)',
    'src.lib.ui.(draft-store|format|kept-text|peer-colour|words|chat.composing|language.languages|shell.navigation-items).ts',
    'src.lib.ui.basic.(Button|Icon|Lazy|Notice|PeerName|icons)',
  ].join('|'),
);

/**
 * What several lazy parts share is one file: by itself each would be a request of its own, of which a slow connection makes six at a time
 * and waits seconds for each.
 */
const later = /messages.compiled.messages|src.lib.(base|state|ui.(?!markdown))/;

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
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'first-page', test: firstPage, minShareCount: 2, priority: 2 },
            { name: 'later', test: later, minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
});
