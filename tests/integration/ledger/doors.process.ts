import { passDoors } from './doors-flow.ts';
import { killAt, say } from './kill-at.ts';

/** On the database of the first argument, killed as the other arguments say. */
const [file, number, side] = process.argv.slice(2);
let written = () => 0;
await passDoors(file!, () => {
  written = killAt(Number(number), side!);
});
say(`written ${written()}`);
