import { createContext } from 'svelte';
import type { App } from './app.svelte.ts';

/** The page's {@link App}, provided by the root layout. */
export const [useApp, provideApp] = createContext<App>();
