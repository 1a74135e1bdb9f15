import { createContext } from 'svelte';
import type { App } from './app.svelte.ts';

/** The one {@link App} of this page, set by the root layout. */
export const [useApp, provideApp] = createContext<App>();
