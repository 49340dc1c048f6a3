import { activityRoutes } from './activity.ts';
import { environmentRoutes } from './environments.ts';
import { eventRoutes } from './events.ts';
import { listRoutes } from './lists.ts';
import { resourceRoutes } from './resources.ts';
import type { Route } from './route.ts';
import { supportListRoutes } from './supportLists.ts';

/** Every route of the management API. A further family of routes is a file beside this one and a line here. */
export const managementRoutes: readonly Route[] = [
  ...environmentRoutes,
  ...resourceRoutes,
  ...listRoutes,
  ...supportListRoutes,
  ...activityRoutes,
  ...eventRoutes,
];
