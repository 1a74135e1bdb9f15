/** Every page is made at build time and wakes up in the browser: the first paint needs no script. */
export const prerender = true;
