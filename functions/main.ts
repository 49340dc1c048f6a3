/** The app's entry: importing a file here registers its functions. */
import './setup.ts';
import './health.ts';
import './management.ts';
import './openapi.ts';
import './recovery.ts';
import './wire.ts';
