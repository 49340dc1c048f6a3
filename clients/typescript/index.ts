export * from './operations.ts';
export type { CallOptions, ClientOptions, Token } from './transport.ts';
export { clientCredentials, HoldfastError } from './transport.ts';
