import type { EventType } from '../../shared/events/index.ts';

const user = {
  userId: 'u-1042',
  email: 'dana.okafor@example.com',
  firstName: 'Dana',
  lastName: 'Okafor',
  country: 'US',
};
const address = { street1: '1 Main Street', city: 'Redmond', state: 'WA', zipCode: '98052', country: 'US' };
const instrument = { merchantPaymentInstrumentId: 'card-77', type: 'CreditCard', billingAddress: address };
const sent = {
  trackingId: '0b1f2c3d-1111-4222-8333-944455556666',
  merchantTimeStamp: '2026-11-21T10:00:00Z',
};
const device = { deviceContextId: 'd-9001', ipAddress: '198.51.100.7', provider: 'DFPFingerprinting' };
const accountStatus = {
  statusDetails: {
    statusType: 'Approved',
    reasonType: 'ChallengePassed',
    challengeType: 'SMS',
    statusDate: '2026-11-21T10:01:00Z',
  },
};
const label = {
  labelObjectType: 'Purchase',
  labelObjectId: 'p-20261121-1',
  labelSource: 'CustomerEscalation',
  labelState: 'Fraud',
  labelReasonCodes: 'AccountTakeover',
  eventTimeStamp: '2026-12-01T09:00:00Z',
};

/** A body for each kind of event, and for management operations that are not plain from their schema. */
export const examples: Readonly<Record<EventType, object> & Record<string, object>> = {
  Purchase: {
    purchaseId: 'p-20261121-1',
    assessmentType: 'Protect',
    merchantLocalDate: '2026-11-21T10:00:00Z',
    totalAmount: 65.1,
    salesTax: 5.1,
    currency: 'USD',
    shippingMethod: 'Standard',
    user,
    deviceContext: device,
    shippingAddress: address,
    paymentInstrumentList: [{ ...instrument, purchaseAmount: 65.1 }],
    productList: [
      {
        productId: 'sku-3',
        productName: 'Hiking boots',
        category: 'ClothingShoes',
        quantity: 1,
        purchasePrice: 60,
      },
    ],
    _metadata: sent,
  },
  PurchaseStatus: {
    purchaseId: 'p-20261121-1',
    statusType: 'Approved',
    statusDate: '2026-11-21T10:00:05Z',
    reason: 'RuleEngine',
    _metadata: sent,
  },
  BankEvent: {
    bankEventId: 'b-1',
    purchaseId: 'p-20261121-1',
    type: 'Auth',
    status: 'Approved',
    merchantPaymentInstrumentId: 'card-77',
    _metadata: sent,
  },
  Chargeback: {
    chargebackId: 'c-1',
    purchaseId: 'p-20261121-1',
    userId: 'u-1042',
    reason: 'fraud',
    status: 'Initiated',
    amount: 65.1,
    currency: 'USD',
    _metadata: sent,
  },
  Refund: {
    refundId: 'r-1',
    purchaseId: 'p-20261121-1',
    userId: 'u-1042',
    reason: 'CustomerRequest',
    status: 'Approved',
    amount: 65.1,
    currency: 'USD',
    _metadata: sent,
  },
  UpdateAccount: { ...user, paymentInstrumentList: [instrument], _metadata: sent },
  Label: { ...label, _metadata: sent },
  SignUp: {
    signUpId: 's-1',
    merchantLocalDate: '2026-11-21T10:00:00Z',
    user,
    deviceContext: device,
    _metadata: sent,
  },
  SignUpStatus: {
    signUpId: 's-1',
    statusType: 'Approved',
    statusDate: '2026-11-21T10:00:05Z',
    user: { userId: 'u-1042' },
    _metadata: sent,
  },
  SignIn: {
    signInId: 'i-1',
    userId: 'u-1042',
    merchantLocalDate: '2026-11-21T10:00:00Z',
    deviceContext: device,
    _metadata: sent,
  },
  AccountCreation: {
    name: 'AP.AccountCreation',
    version: '0.5',
    metadata: { signUpId: 's-2', assessmentType: 'Protect', ...sent },
    device,
    user: { username: 'dana', firstName: 'Dana', lastName: 'Okafor', userType: 'Consumer' },
    email: [{ emailType: 'Primary', emailValue: 'dana.okafor@example.com', isEmailValidated: true }],
  },
  AccountLogin: {
    name: 'AP.AccountLogin',
    version: '0.5',
    metadata: { loginId: 'l-1', assessmentType: 'Protect', ...sent },
    device,
    user: { userId: 'u-1042', username: 'dana', userType: 'Consumer' },
  },
  AccountCreationStatus: {
    name: 'AP.AccountCreation.Status',
    version: '0.5',
    metadata: { signUpId: 's-2', userId: 'u-1042', ...sent },
    ...accountStatus,
  },
  AccountLoginStatus: {
    name: 'AP.AccountLogin.Status',
    version: '0.5',
    metadata: { loginId: 'l-1', userId: 'u-1042', ...sent },
    ...accountStatus,
  },
  AccountUpdate: {
    name: 'AP.AccountUpdate',
    version: '0.5',
    metadata: { accountUpdateId: 'a-1', ...sent },
    device,
    user: { userId: 'u-1042' },
  },
  AccountLabel: {
    name: 'AP.AccountLabel',
    version: '0.5',
    metadata: { userId: 'u-1042', ...sent },
    label: { ...label, labelObjectType: 'AccountCreation', labelObjectId: 's-2' },
  },
  CustomAssessment: {
    name: 'PromoCode',
    deviceContextId: 'd-9001',
    user: { userId: 'u-1042' },
    code: 'SPRING',
  },
  Assessment: {
    metadata: { eventId: 'e-1', timestamp: '2026-11-21T10:00:00Z' },
    user: { id: 'u-1042', email: 'dana.okafor@example.com' },
    deviceFingerprinting: { id: 'd-9001', ipAddress: '198.51.100.7' },
    txnAmount: 12.5,
  },
  AssessmentObservation: { metadata: { eventId: 'o-1', primaryEventId: 'e-1' }, status: 'Approved' },
  AssessmentLabel: {
    metadata: { eventId: 'x-1', primaryEventId: 'e-1' },
    label: { ...label, labelObjectType: 'Assessment', labelObjectId: 'e-1' },
  },
  putEnvironment: { name: 'Outlet', parent: 'primary', description: 'The outlet shop', tags: ['shop'] },
  putRule: {
    assessment: 'Purchase',
    status: 'Active',
    order: 20,
    clauses: [
      {
        name: 'Expensive',
        section: 'PostRiskScoring',
        code: 'RETURN Review("expensive") WHEN @totalAmount > 1000',
      },
    ],
  },
  putVelocitySet: {
    status: 'Active',
    velocities: ['SELECT Count() AS purchasesOfUser FROM Purchase GROUPBY @"user.userId"'],
  },
  putSupportListEntry: { status: 'Block', reason: 'chargebacks', expires: '2027-01-01T00:00:00Z' },
  putSupportListEntries: {
    keys: ['dana@example.com', 'kim@example.com'],
    status: 'Watch',
    reason: 'new shop',
  },
  putExternalCall: {
    method: 'GET',
    url: 'https://reputation.example.com/v1/score',
    parameters: [{ name: 'email', sample: 'dana@example.com' }],
    timeoutMs: 500,
    defaultResponse: { score: 0 },
  },
  evaluateRules: {
    assessment: 'Purchase',
    payload: { totalAmount: 5000 },
    rules: [
      {
        name: 'Try',
        clauses: [{ name: 'Expensive', code: 'RETURN Review("expensive") WHEN @totalAmount > 1000' }],
      },
    ],
  },
};
