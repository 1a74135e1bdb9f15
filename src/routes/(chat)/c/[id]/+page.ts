/** Conversations are known to this browser only: the fallback page is served at their addresses. */
export const prerender = false;
export const ssr = false;
