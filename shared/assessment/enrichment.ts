import type { JsonObject } from '../fql/index.ts';

export type Enrichment = { deviceAttributes: Record<string, string> };

/** What is known of an event beyond what it says: attributes that rules read like those of the payload. */
export function enrich(payload: JsonObject): Enrichment {
  const device = payload.deviceContext ?? payload.device;
  return { deviceAttributes: isObject(device) ? attributesOf(device) : {} };
}

function attributesOf(device: JsonObject): Record<string, string> {
  const attributes: Record<string, string> = {};
  const { ipAddress, externalDeviceId, deviceContextId } = device;
  if (typeof ipAddress === 'string') attributes.trueIp = ipAddress;
  const id = [externalDeviceId, deviceContextId].find((one) => typeof one === 'string' && one !== '');
  if (typeof id === 'string') attributes.deviceId = id;
  return attributes;
}

function isObject(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
