import { type DeviceService, isJsonObject, type JsonObject } from '../fql/index.ts';
import type { App } from './app.ts';

export type Enrichment = { deviceAttributes: Record<string, string> };

/**
 * What is known of an event beyond what it says: attributes that rules read like those of the payload. When it resolves,
 * places of addresses and banks of cards can be looked up.
 */
export async function enrich(
  { geo, bins }: Pick<App, 'geo' | 'bins'>,
  payload: JsonObject,
): Promise<Enrichment> {
  await Promise.all([geo.ready(), bins.ready()]);
  const device = payload.deviceContext ?? payload.device ?? payload.deviceFingerprinting;
  // the older sign-in has no device: what is known of it stands at the root
  const { currentIpAddress: ipAddress, deviceContextId } = payload;
  const attributes = attributesOf(isJsonObject(device) ? device : { ipAddress, deviceContextId });
  const { trueIp } = attributes;
  return { deviceAttributes: trueIp === undefined ? attributes : { ...attributes, ...placeOf(geo, trueIp) } };
}

/**
 * The device of the event at hand, for `Device.` functions: what the event and its enrichment say of it, under the ids
 * that the event gives it. Of other sessions, and of travel between sessions, nothing is known.
 */
export function deviceService(payload: JsonObject, enrichment: JsonObject): DeviceService {
  const sessions = [payload.deviceContext, payload.device, payload.deviceFingerprinting, payload]
    .filter(isJsonObject)
    .flatMap(({ deviceContextId, id }) => [deviceContextId, id])
    .filter((id) => typeof id === 'string' && id !== '');
  const sent = isJsonObject(payload.deviceAttributes) ? payload.deviceAttributes : {};
  const found = isJsonObject(enrichment.deviceAttributes) ? enrichment.deviceAttributes : {};
  const attributes = (sessionId: string) => (sessions.includes(sessionId) ? { ...found, ...sent } : {});
  return { attributes, fullAttributes: attributes, speedOfTravel: () => 0 };
}

function placeOf(geo: App['geo'], ip: string): Record<string, string> {
  const place = geo.lookup(ip);
  const attributes = {
    deviceCountryCode: place?.countryCode,
    deviceState: place?.region,
    deviceCity: place?.city,
    devicePostalCode: place?.postalCode,
    deviceAsn: place?.asn,
  };
  const known: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) known[name] = value;
  return known;
}

function attributesOf(device: JsonObject): Record<string, string> {
  const attributes: Record<string, string> = {};
  const { ipAddress, externalDeviceId, deviceContextId, id: sessionId } = device;
  if (typeof ipAddress === 'string') attributes.trueIp = ipAddress;
  const id = [externalDeviceId, deviceContextId, sessionId].find(
    (one) => typeof one === 'string' && one !== '',
  );
  if (typeof id === 'string') attributes.deviceId = id;
  return attributes;
}
