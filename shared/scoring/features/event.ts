/** An event as the features see it: the canonical payload, when it was received, and what enrichment added. */
export interface FeatureEvent {
  /** Purchase, AccountCreation, AccountLogin … */
  type: string;
  /** the event's own id (purchaseId, signUpId …) */
  id: string;
  /** time of receipt, milliseconds since 1970: the clock of its assessment */
  at: number;
  payload: { readonly [name: string]: unknown };
  /** two-letter country of the client's IP address */
  ipCountry?: string;
  /** two-letter country of the bank that issued the card */
  binCountry?: string;
  /** of the device fingerprinting, by camelCase name */
  deviceAttributes?: Readonly<Record<string, string>>;
  /** what the scorecard's velocities said, by name; no feature, as not every environment has them */
  velocities?: Readonly<Record<string, number>>;
}
