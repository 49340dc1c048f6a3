import type { App } from '../assessment/app.ts';
import type { EventKey } from '../assessment/eventKeys.ts';
import { follow } from '../assessment/followers.ts';
import type { DataSubject } from './requests.ts';

type Parts = Pick<App, 'storage' | 'records' | 'clock' | 'subjects' | 'later'>;

/** `received` where it was found by naming the subject: what its row in the index is called by. */
export interface FoundEvent {
  key: EventKey;
  received?: string;
}

/** Completes the index of data subjects up to this moment. */
export async function completeIndex(app: Parts): Promise<void> {
  const { failed, problem } = await follow(app, { name: 'subjects', take: app.subjects.write });
  if (failed > 0)
    throw new Error(`the index of data subjects is behind in ${failed} partitions; the first: ${problem}`);
}

/**
 * The events of a data subject in one environment: those that name it, and those that belong to one of these, such as the
 * bank events of its purchases. Each once. With `until` those that name it are left out that were received later.
 */
export async function* eventsOf(
  app: Parts,
  environment: string,
  subject: DataSubject,
  until?: string,
): AsyncGenerator<FoundEvent> {
  await app.subjects.settled();
  const seen = new Set<string>();
  const fresh = (key: EventKey) => {
    const name = JSON.stringify(key);
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  };
  for await (const { key, received } of app.subjects.events(environment, subject)) {
    if (!isOf(key.type, subject) || (until !== undefined && received > until)) continue;
    for (const later of await app.later.of(key)) if (fresh(later.key)) yield { key: later.key };
    if (fresh(key)) yield { key, received };
  }
}

/** With an assessment: its events, and its observation events and labels. */
function isOf(type: string, { assessment }: DataSubject): boolean {
  if (assessment === undefined) return true;
  const [name, folded] = [type.toLowerCase(), assessment.toLowerCase()];
  return name === folded || name.startsWith(`${folded}:`);
}
