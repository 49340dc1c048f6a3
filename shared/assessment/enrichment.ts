import type { JsonObject } from '../fql/index.ts';

export type Enrichment = { deviceAttributes: Record<string, string> };

/** What is known of an event beyond what it says: attributes that rules read like those of the payload. */
export function enrich(payload: JsonObject): Enrichment {
  const device = payload.deviceContext ?? payload.device ?? payload.deviceFingerprinting;
  // the older sign-in has no device: what is known of it stands at the root
  const { currentIpAddress: ipAddress, deviceContextId } = payload;
  return { deviceAttributes: attributesOf(isObject(device) ? device : { ipAddress, deviceContextId }) };
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

function isObject(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
