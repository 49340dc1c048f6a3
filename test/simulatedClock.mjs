// Loaded before the app by tests: its clock says what the file CLOCK_FILE holds, milliseconds since 1970 as a double.
import { openSync, readSync } from 'node:fs';

const file = openSync(process.env.CLOCK_FILE, 'r');
const bytes = Buffer.alloc(8);
Date.now = () => {
  readSync(file, bytes, 0, 8, 0);
  return bytes.readDoubleLE(0);
};
