export { type Azure, type AzureOptions, openAzure } from './azure.ts';
export { type CallsSettings, type ExternalCalls, openExternalCalls } from './calls.ts';
export { callName, type ExternalCall, externalCallSchema } from './definition.ts';
export { type CallTrace, namespaces, type Traced, type TracedRun, tracedOf } from './events.ts';
export {
  type CallContext,
  type CallDiagnostics,
  type CallResult,
  type External,
  type ExternalOptions,
  openExternal,
  type TestResult,
} from './external.ts';
export { monitoringQueue } from './monitoring.ts';
export { invokeSchema, metricsAnswer, readArguments, readMetricsQuery, testSchema } from './proxy.ts';
export { type DefinitionRead, originOf, type SecretStore } from './secrets.ts';
export type { Delivery, Subscriber, Subscription } from './subscriber.ts';
export {
  openSubscriptions,
  type StoredSubscription,
  type SubscriptionBody,
  type Subscriptions,
  subscriptionSchema,
} from './subscriptions.ts';
export type { WarmCall, WarmUpResult, WarmUpState } from './warmUp.ts';
