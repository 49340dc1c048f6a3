import { entitiesOf } from './features/entities.ts';
import type { FeatureEvent } from './features/event.ts';
import { covers, type Label, type LabelTarget, settle } from './labels.ts';

/** An event whose standing changed: +1 it became known as fraud, −1 that was taken back. */
export interface LabelChange {
  event: FeatureEvent;
  frauds: 1 | -1;
}

/**
 * Which events are known to be fraud, kept up as events and labels come in, in any order. A label sent twice changes nothing the
 * second time.
 */
export interface LabelBook {
  /** Notes an event; the change where labels that came before it already say fraud. */
  addEvent(event: FeatureEvent): LabelChange[];
  /** Notes a label; the changes of all events that it reaches. */
  addLabel(label: Label): LabelChange[];
  /** What is known of the event; undefined where nothing is. */
  standing(event: FeatureEvent): Label | undefined;
}

type EntityTarget = Exclude<LabelTarget, { kind: 'event' }>;

/** Starts with nothing known. */
export function openLabelBook(): LabelBook {
  const events = new Map<string, FeatureEvent[]>();
  const byEntity = new Map<string, FeatureEvent[]>();
  const eventLabels = new Map<string, Label[]>();
  const entityLabels = new Map<string, { label: Label; target: EntityTarget }[]>();
  const standings = new Map<FeatureEvent, Label>();

  function add<T>(to: Map<string, T[]>, key: string, item: T): void {
    const list = to.get(key);
    if (list) list.push(item);
    else to.set(key, [item]);
  }

  function entityKeys(event: FeatureEvent): string[] {
    return entitiesOf(event)
      .filter(({ kind }) => kind === 'user' || kind === 'payment' || kind === 'email')
      .map(({ kind, key }) => `${kind}|${key}`);
  }

  function apply(event: FeatureEvent, label: Label): LabelChange[] {
    const { standing, frauds } = settle(standings.get(event), label);
    standings.set(event, standing);
    return frauds === 0 ? [] : [{ event, frauds }];
  }

  /** The net change of several. */
  function net(changes: LabelChange[]): LabelChange[] {
    const sum = changes.reduce((total, { frauds }) => total + frauds, 0);
    const last = changes.at(-1);
    return sum === 0 || last === undefined ? [] : [last];
  }

  return {
    addEvent(event) {
      const key = `${event.type}|${event.id}`;
      add(events, key, event);
      const changes = (eventLabels.get(key) ?? []).flatMap((label) => apply(event, label));
      for (const entity of entityKeys(event)) {
        add(byEntity, entity, event);
        for (const { label, target } of entityLabels.get(entity) ?? [])
          if (covers(target, event.at)) changes.push(...apply(event, label));
      }
      return net(changes);
    },
    addLabel(label) {
      const { target } = label;
      if (target.kind === 'event') {
        const key = `${target.type}|${target.id}`;
        add(eventLabels, key, label);
        return (events.get(key) ?? []).flatMap((event) => apply(event, label));
      }
      const key = `${target.kind}|${target.key}`;
      add(entityLabels, key, { label, target });
      const reached = (byEntity.get(key) ?? []).filter((event) => covers(target, event.at));
      return reached.flatMap((event) => apply(event, label));
    },
    standing: (event) => standings.get(event),
  };
}
