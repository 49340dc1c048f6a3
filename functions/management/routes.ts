import { activityRoutes } from './activity.ts';
import { environmentRoutes } from './environments.ts';
import { evaluateRoutes } from './evaluate.ts';
import { eventRoutes } from './events.ts';
import { externalCallRoutes } from './externalCalls.ts';
import { importRoutes } from './imports.ts';
import { listRoutes } from './lists.ts';
import { lossPreventionRoutes } from './lossPrevention.ts';
import { modelRoutes } from './models.ts';
import { resourceRoutes } from './resources.ts';
import { roleAssignmentRoutes } from './roleAssignments.ts';
import type { Route } from './route.ts';
import { subjectRequestRoutes } from './subjectRequests.ts';
import { supportListRoutes } from './supportLists.ts';
import { templateRoutes } from './templates.ts';
import { usageRoutes } from './usage.ts';

/** A further family of routes is a file beside this one and a line here. */
const ownRoutes: readonly Route[] = [
  ...environmentRoutes,
  ...listRoutes,
  ...importRoutes,
  ...supportListRoutes,
  ...externalCallRoutes,
  ...activityRoutes,
  ...roleAssignmentRoutes,
  ...eventRoutes,
  ...evaluateRoutes,
  ...usageRoutes,
  ...modelRoutes,
  ...subjectRequestRoutes,
  ...templateRoutes,
  ...lossPreventionRoutes,
];

const own = new Set(ownRoutes.map(({ method, path }) => `${method} ${path}`));

/** Every route of the management API; a kind's own routes stand instead of what all resources have. */
export const managementRoutes: readonly Route[] = [
  ...resourceRoutes.filter(({ method, path }) => !own.has(`${method} ${path}`)),
  ...ownRoutes,
];
