/** Said in every hello, so that version drift is seen and named. */
export const build = '0.1.0';
export const protocolVersion = 2;
