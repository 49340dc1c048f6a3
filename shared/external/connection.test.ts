import { expect, test } from 'vitest';
import { openStorage } from '../storage/index.ts';
import { usable } from './connection.ts';

const key = 'SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0LWtleQ==';
const account = 'AccountName=shop;AccountKey=c2VjcmV0LWtleQ==';

test.each([
  ['eventHub', `Endpoint=sb://shop-hub.servicebus.windows.net/;${key};EntityPath=calls`],
  [
    'eventHub',
    `Endpoint=sb://SHOP-hub.servicebus.windows.net;SharedAccessSignature=SharedAccessSignature sr=x&sig=y`,
  ],
  ['blob', `DefaultEndpointsProtocol=https;${account};EndpointSuffix=core.windows.net`],
  ['blob', 'BlobEndpoint=https://shop.blob.core.windows.net;SharedAccessSignature=sv=2024&sig=abc%3D'],
] as const)('%s: %s is usable anywhere', (type, text) => {
  const connectionString = usable(type, text, false);
  expect(connectionString).toBeDefined();
  if (type === 'blob') openStorage({ connectionString: connectionString ?? '' });
});

test.each([
  ['eventHub', `Endpoint=sb://localhost:5672;${key};UseDevelopmentEmulator=true`],
  ['blob', `DefaultEndpointsProtocol=http;${account};BlobEndpoint=http://127.0.0.1:10000/shop`],
  ['blob', 'UseDevelopmentStorage=true'],
] as const)('%s: %s is usable on a developer’s machine only', (type, text) => {
  expect(usable(type, text, true)).toBeDefined();
  expect(usable(type, text, false)).toBeUndefined();
});

test.each([
  ['eventHub', `Endpoint=sb://evil.example;${key}`],
  ['eventHub', `Endpoint=sb://10.0.0.1;${key};UseDevelopmentEmulator=true`],
  ['eventHub', `Endpoint=sb://169.254.169.254;${key}`],
  ['eventHub', `Endpoint=sb://shop-hub.servicebus.windows.net.evil.example;${key}`],
  ['eventHub', `Endpoint=sb://shop-hub.servicebus.windows.net@evil.example;${key}`],
  ['eventHub', `Endpoint=sb://evil.example#.servicebus.windows.net;${key}`],
  ['eventHub', `Endpoint=sb://shop-hub.servicebus.windows.net:22;${key}`],
  ['eventHub', `Endpoint=sb://shop-hub.servicebus.windows.net;Endpoint=sb://evil.example;${key}`],
  ['eventHub', 'SharedAccessKey=x'],
  ['eventHub', 'not a connection string'],
  ['blob', `${account};BlobEndpoint=https://evil.example`],
  ['blob', `${account};EndpointSuffix=evil.example`],
  ['blob', `${account};BlobEndpoint=https://shop.blob.core.windows.net;BlobEndpoint=https://evil.example`],
  ['blob', `${account};BlobEndpoint=http://shop.blob.core.windows.net`],
  ['blob', `AccountName=x@evil.example/;AccountKey=k`],
  ['blob', `${account};BlobEndpoint=http://10.0.0.1/`],
  ['blob', `${account};BlobEndpoint=https://169.254.169.254/`],
] as const)('%s: %s is never usable', (type, text) => {
  expect(usable(type, text, true)).toBeUndefined();
});

test('what is not known of a connection string is left out', () => {
  const text = `Endpoint=sb://shop-hub.servicebus.windows.net/;${key};EntityPath=calls;WebSocketEndpoint=evil`;
  expect(usable('eventHub', text, false)).toBe(
    `Endpoint=sb://shop-hub.servicebus.windows.net;${key};EntityPath=calls`,
  );
});
