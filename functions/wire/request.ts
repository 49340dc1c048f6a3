import type { HttpRequest } from '@azure/functions';
import type { App } from '../../shared/assessment/app.ts';
import { identityOf as identify } from '../../shared/assessment/identity.ts';
import { invalidBody, type PathMatch, type Received, type ReceivedEvent } from '../../shared/events/index.ts';
import { Problem } from '../../shared/problem.ts';

/** What DFP's clients send beside the body. */
export interface Envelope {
  /** as sent: id, API name or path */
  environment: string | undefined;
  correlationId: string | undefined;
}

/** A request on one of DFP's paths. */
export interface WireRequest {
  app: App;
  match: PathMatch;
  /** JSON */
  body: unknown;
  envelope: Envelope;
}

export interface WireReply {
  answer: unknown;
  correlationId: string;
}

/** What one path does. */
export type Handler = (request: WireRequest) => Promise<WireReply>;

/** The envelope of a request: headers, or the query where a client puts them there. Throws a Problem 400. */
export function envelopeOf(request: Pick<HttpRequest, 'headers' | 'query'>): Envelope {
  const given = (name: string, limit: number) => {
    // names of the query are as tolerant of letter case as those of headers
    const [, queried = ''] = [...request.query].find(([key]) => key.toLowerCase() === name) ?? [];
    const value = (request.headers.get(name)?.trim() || queried).trim();
    if (value.length > limit || /\p{Cc}/u.test(value))
      throw Problem.badRequest(`${name} must be at most ${limit} characters without control characters.`);
    return value === '' ? undefined : value;
  };
  return { correlationId: given('x-ms-correlation-id', 128), environment: given('x-ms-dfpenvid', 512) };
}

/** The event that was received, or a Problem 400 that names every fault. */
export function accepted(received: Received): ReceivedEvent {
  if (!received.ok) throw invalidBody(received.faults);
  return received.event;
}

/** The event's id and correlation id, and the environment that the request names. */
export function identityOf(
  event: ReceivedEvent,
  { environment, correlationId }: Envelope,
): { id: string; environment: string | undefined; correlationId: string } {
  return { ...identify(event, correlationId), environment };
}
