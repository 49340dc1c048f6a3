import type { JsonObject } from '../fql/index.ts';

/** What a template of the assessment wizard gives a new assessment (assessment-create-new.md). */
export interface Template {
  /** does `Model.Risk` answer? */
  riskScore: boolean;
  /** data subject ids besides `metadata.eventId` */
  dataSubjectIds: readonly string[];
  samplePayload: JsonObject;
}

const metadata = {
  eventId: '3f1c2a90-6a0b-4d3f-9e55-0a4b1c7d2e11',
  timestamp: '2026-01-15T09:30:00Z',
  isTest: false,
  sessionId: '',
  gdprId: '',
  assessmentType: 'Protect',
};

const deviceFingerprinting = { id: '9b2d7c14-0a2d-4f6b-8c5e-7d1f2a3b4c5d', ipAddress: '203.0.113.24' };

const user = {
  id: 'user-1001',
  username: 'sam.rivera',
  email: 'sam.rivera@example.com',
  phone: '+14255550142',
  firstName: 'Sam',
  lastName: 'Rivera',
  country: 'US',
  zipCode: '98052',
  createdDate: '2024-03-01T12:00:00Z',
};

const card = {
  id: 'pi-4411',
  type: 'CreditCard',
  bin: '411111',
  lastFourDigits: '1111',
  expirationDate: '12/29',
};

/** `Legacy` is a custom assessment of the older kind (custom-assessment.md): any JSON that repeats its API name. */
export const templates = {
  CardPayment: {
    riskScore: true,
    dataSubjectIds: ['user.id'],
    samplePayload: {
      metadata,
      deviceFingerprinting,
      user,
      txnAmount: 129.5,
      currency: 'USD',
      paymentInstrument: card,
      merchant: { id: 'm-7', name: 'Example Books', categoryCode: '5942', country: 'US' },
      billing: { street1: '1 Example Way', city: 'Redmond', state: 'WA', zipCode: '98052', country: 'US' },
    },
  },
  DeviceFingerprinting: {
    riskScore: false,
    dataSubjectIds: [],
    samplePayload: { metadata, deviceFingerprinting },
  },
  LoyaltyProgram: {
    riskScore: true,
    dataSubjectIds: ['user.id'],
    samplePayload: {
      metadata,
      deviceFingerprinting,
      user,
      loyalty: {
        programId: 'gold-club',
        memberId: 'gc-20931',
        action: 'Redeem',
        points: 12_000,
        balance: 15_400,
      },
    },
  },
  MoneyTransfer: {
    riskScore: true,
    dataSubjectIds: ['user.id'],
    samplePayload: {
      metadata,
      deviceFingerprinting,
      user,
      txnAmount: 450,
      currency: 'USD',
      sender: { accountId: 'acc-1', bankName: 'First Example Bank', country: 'US' },
      recipient: {
        id: 'rec-9',
        accountId: 'acc-2',
        email: 'kim.lee@example.com',
        country: 'US',
        isNew: true,
      },
    },
  },
  SoftwarePiracy: {
    riskScore: true,
    dataSubjectIds: ['user.id'],
    samplePayload: {
      metadata,
      deviceFingerprinting,
      user,
      license: {
        id: 'lic-88',
        productId: 'designer-pro',
        seats: 1,
        activations: 3,
        expires: '2026-12-31T00:00:00Z',
      },
      subscription: { id: 'sub-31', status: 'Active' },
    },
  },
  Custom: { riskScore: false, dataSubjectIds: [], samplePayload: { metadata } },
  Legacy: {
    riskScore: true,
    dataSubjectIds: [],
    samplePayload: {
      name: 'AccountProfileUpdate',
      version: '0.5',
      metadata: {
        trackingId: '5a1e6a0e-8a52-4a3b-a4ce-1b0bd2f1f4f0',
        merchantTimeStamp: '2026-01-15T09:30:00Z',
      },
      device: { deviceContextId: deviceFingerprinting.id, ipAddress: deviceFingerprinting.ipAddress },
      user: {
        userId: 'user-1001',
        username: 'sam.rivera',
        firstName: 'Sam',
        lastName: 'Rivera',
        country: 'US',
      },
    },
  },
} as const satisfies Record<string, Template>;

export type TemplateName = keyof typeof templates;
export const templateNames: readonly TemplateName[] = [
  'CardPayment',
  'DeviceFingerprinting',
  'LoyaltyProgram',
  'MoneyTransfer',
  'SoftwarePiracy',
  'Custom',
  'Legacy',
];
