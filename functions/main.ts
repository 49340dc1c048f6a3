/** The app's entry: importing a file here registers its functions. */
import './setup.ts';
import './dashboards.ts';
import './externalMonitoring.ts';
import './followers.ts';
import './health.ts';
import './imports.ts';
import './lake.ts';
import './lossPrevention.ts';
import './management.ts';
import './openapi.ts';
import './recovery.ts';
import './retraining.ts';
import './subjects.ts';
import './usage.ts';
import './warmUp.ts';
import './wire.ts';
