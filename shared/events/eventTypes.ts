/** Every kind of event that DFP's routes take, by the name rules and velocities use. */
export const eventTypes = [
  'Purchase',
  'PurchaseStatus',
  'BankEvent',
  'Chargeback',
  'Refund',
  'UpdateAccount',
  'Label',
  'SignUp',
  'SignUpStatus',
  'SignIn',
  'AccountCreation',
  'AccountLogin',
  'AccountCreationStatus',
  'AccountLoginStatus',
  'AccountUpdate',
  'AccountLabel',
  'CustomAssessment',
  'Assessment',
  'AssessmentObservation',
  'AssessmentLabel',
] as const;

export type EventType = (typeof eventTypes)[number];

/** What an event refers to: an assessment by its own id, or everything of a customer, payment instrument or mail address. */
export interface Link {
  to:
    | 'Purchase'
    | 'SignUp'
    | 'SignIn'
    | 'AccountCreation'
    | 'AccountLogin'
    | 'AccountUpdate'
    | 'Assessment'
    | 'User'
    | 'PaymentInstrument'
    | 'Email';
  id: string;
}

/** A data subject id, by which export and deletion find the event. */
export interface Subject {
  /** `User` for the purchase and account families (DFP's `User:<userId>`), else the property's path */
  property: string;
  value: string;
}
