import { dirname, join } from 'node:path';

/** The pages, beside the folder of the program. Found from here alone: as a package, all of the program lies in one folder. */
export const pagesFolder = join(dirname(import.meta.dirname), 'build');
