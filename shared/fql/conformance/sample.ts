import type { EvaluateEnvironment } from '../evaluate.ts';
import type { BinAnswer, GeoAnswer, JsonObject, Resources } from '../types.ts';

/** The event that the examples of the documentation and of the library's rows are evaluated over. */
export const samplePayload: JsonObject = {
  totalAmount: 250.5,
  salesTax: 20,
  purchasePrice: 250.5,
  isEmailValidated: true,
  zipcode: '98052',
  purchaseId: 'p1',
  user: {
    userId: 'u1',
    username: 'kaylacat',
    firstName: 'Kayla',
    lastName: 'Goderich',
    email: 'kayla@contoso.com',
    phoneNumber: '1-425-555-0100',
    creationDate: '2020-02-25T15:12:26Z',
    countryRegion: 'US',
  },
  email: { emailValue: 'kayla@contoso.com', isEmailValidated: true, isEmailUsername: true },
  shippingAddress: { countryRegion: 'CA', city: 'Toronto' },
  device: { ipAddress: '203.0.113.7' },
  deviceFingerprinting: { id: 'session-1' },
  card: { bin: '411111' },
  tags: ['new', 'gift'],
  productList: [
    { productId: 'x1', productName: 'Xbox Series X', type: 'Physical', purchasePrice: 499.0, market: 'US' },
    { productId: 'g7', productName: 'Game Pass', type: 'Digital', purchasePrice: 9.99, market: 'CA' },
  ],
  paymentInstrumentList: [{ type: 'CREDITCARD', merchantPaymentInstrumentId: 'pi1' }],
  group: [
    { item1: 'a', item2: 'a1' },
    { item1: 'b', item2: 'b1' },
  ],
};

export const sampleResources: Resources = {
  environment: 'child',
  apiName: 'CHILD',
  lists: {
    'Risky emails': { columns: ['Email', 'Status'] },
    Country_Score: { columns: ['Country', 'ScoreCutOff'] },
  },
  supportLists: ['Email Support List', 'Payment Support List', 'Device Support List'],
  velocities: ['totalSpending_perUser', 'loginCount_perDevice', 'IPs_Per_User'],
  externalCalls: {
    myCall: { parameters: ['ip'] },
    Weather: { parameters: ['city'] },
    noArguments: { parameters: [] },
  },
  externalAssessments: { MicroTx: {}, myAssessment: {} },
  functions: {
    MyFunction: {
      parameters: [
        { name: '_number1', type: 'Double', default: 10 },
        { name: '_number2', type: 'Double', default: 5 },
      ],
      outputs: [
        { name: 'Calculate_Sum', type: 'Double', default: 0, code: 'RETURN _number1 + _number2' },
        {
          name: 'Ratio',
          type: 'Integer',
          default: -1,
          code: 'LET $a = Convert.ToInt32(_number1)\nRETURN $a / Convert.ToInt32(_number2)',
        },
      ],
    },
    Country: {
      parameters: [],
      outputs: [
        { name: 'code', type: 'String', default: '', code: 'RETURN Geo.CountryCode(@"device.ipAddress")' },
      ],
    },
  },
  parent: {
    environment: 'primary',
    apiName: 'primary',
    velocities: ['rootVelocity'],
    functions: {
      RootFunction: {
        parameters: [],
        outputs: [
          {
            name: 'value',
            type: 'Double',
            default: 0,
            code: 'RETURN Velocity.rootVelocity(@"user.userId", 30s)',
          },
        ],
      },
    },
  },
};

const geo: Readonly<Record<string, GeoAnswer>> = {
  '203.0.113.7': {
    regionCode: 'WA',
    region: 'Washington',
    countryCode: 'US',
    countryRegion: 'United States',
    city: 'Redmond',
    marketCode: 'NA',
  },
};
const bins: Readonly<Record<string, BinAnswer>> = {
  '411111': {
    cardNetwork: 'Visa',
    cardType: 'Credit',
    issuer: 'Contoso Bank',
    countryCode: 'US',
    cardCategory: 'Rewards',
  },
};
const device: JsonObject = { platform: 'Windows', deviceAsn: '8075', deviceCountryCode: 'US' };

/** What the sample environment knows beside a request. */
export const sampleEnvironment: EvaluateEnvironment = {
  resources: sampleResources,
  now: Date.UTC(2024, 4, 1, 11, 4, 30),
  enrichment: { deviceAttributes: { deviceId: 'd1' } },
  geo: (ip) => geo[ip],
  bin: (bin) => bins[bin],
  device: {
    fullAttributes: (session) => (session === 'session-1' ? device : {}),
    attributes: (session) => (session === 'session-1' ? device : {}),
    speedOfTravel: (session) => (session === 'session-1' ? 12.5 : 0),
  },
  answer: (request) => {
    switch (request.kind) {
      case 'list':
        return {
          value:
            request.list === 'Risky emails' && request.key === 'kayla@contoso.com'
              ? { Email: request.key, Status: 'Risky' }
              : request.key === 'US'
                ? { Country: 'US', ScoreCutOff: '700' }
                : null,
        };
      case 'supportList':
        return { value: request.key === 'kayla@contoso.com' ? { status: 'Watch' } : null };
      case 'velocity':
        return { value: request.name === 'totalSpending_perUser' ? 1500 : 3 };
      case 'externalCall':
        return {
          value: {
            risk: 9,
            visibility: 'good',
            id: 'w1',
            data: [{ Item1: ['a'] }],
            group: [{ item1: 'a', item2: 'a1' }],
          },
          diagnostics: {
            request: request.arguments,
            endpoint: 'https://calls.example/',
            httpStatusCode: 200,
            latency: 12,
          },
        };
      case 'externalAssessment':
        return {
          value: {
            decisionDetails: { merchantRuleDecision: 'Approve' },
            ruleEvaluations: [{ rule: 'Sample Payload Generation', clauseNames: ['TestData'] }],
            received: request.body,
          },
          diagnostics: { httpStatusCode: 200, latency: 20 },
        };
      default:
        return undefined;
    }
  },
};

export const sampleRequest = {
  payload: samplePayload,
  scores: { riskScore: 500, botScore: 10 },
  correlationId: '0f1e2d3c-0000-4000-8000-000000000001',
};
