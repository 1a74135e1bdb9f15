/** Every page is prerendered and hydrated, so the first paint needs no script. */
export const prerender = true;
