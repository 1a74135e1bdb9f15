import type { CalibrationRow } from '#lib/trust/calibration.ts';

/** How far honest margins go with the bundled model: written by `npm run verified-curve -- --rows`. */
export const bundledRows: readonly CalibrationRow[] = [
  {
    artefact: '31d7511c2dd71905607d4c54ff0d54cf1fbf16a033ab2a2df7768dfe892cf902',
    worker: { engine: 'llama', build: 'node-llama-cpp 3.22.1 v0.5.0', deviceClass: 'native-cpu' },
    validator: { engine: 'llama', build: 'node-llama-cpp 3.22.1 v0.5.0', deviceClass: 'native-cpu' },
    tokens: 145010,
    mean: 0,
    sd: 0,
    max: 0,
  },
];
