/** A velocity that the scorecard reads by name where an environment has it. */
export interface ScorecardVelocity {
  name: string;
  /** path of the attribute whose value is the key */
  key: string;
  window: { count: number; unit: 's' | 'm' | 'h' | 'd' };
  /** its definition, for a velocity set */
  select: string;
}

const instrument = 'paymentInstrumentList[0].merchantPaymentInstrumentId';

const velocity = (name: string, key: string, aggregate: string, days: number): ScorecardVelocity => ({
  name,
  key,
  window: { count: days, unit: 'd' },
  select: `SELECT ${aggregate} AS ${name} FROM Purchase GROUPBY @"${key}"`,
});

/** The velocities that the scorecard knows; the names follow the style of DFP's documentation. */
export const scorecardVelocities: readonly ScorecardVelocity[] = [
  velocity('purchases_perEmail', 'user.email', 'Count()', 1),
  velocity('purchases_perPaymentInstrument', instrument, 'Count()', 1),
  velocity('purchases_perIP', 'deviceContext.ipAddress', 'Count()', 1),
  velocity('purchases_perDevice', 'deviceContext.deviceContextId', 'Count()', 1),
  velocity('uniqueUsers_perPaymentInstrument', instrument, 'DistinctCount(@"user.userId")', 30),
  velocity('uniqueUsers_perDevice', 'deviceContext.deviceContextId', 'DistinctCount(@"user.userId")', 30),
  velocity('uniquePaymentInstruments_perUser', 'user.userId', `DistinctCount(@"${instrument}")`, 7),
  velocity('totalSpending_perUser', 'user.userId', 'Sum(@"totalAmount")', 1),
];
