import { z } from 'zod';
import { addressFields, deviceContextFields, paymentInstrumentFields } from './entities.ts';
import { amount, anything, flag, instant, namedEntity, optionalId, text, tolerate } from './fields.ts';

/** The field tables of account protection (WIRE.md 5.1, 5.2), built on those of the purchase family where they agree. */

/** `countryRegion` is the name of today, `country` that of older clients. */
const countryRegion = () => tolerate(text('Two-letter country code.'), { aliases: ['country'] });

export const accountMetadataFields = {
  trackingId: optionalId(),
  customerLocalDate: instant(),
  merchantTimeStamp: instant(),
  assessmentType: text('Evaluate or Protect (where absent).'),
};

const { sessionId: _alias, deviceContextId: _aliased, ...otherDeviceFields } = deviceContextFields;

export const accountDevice = namedEntity('AccountDevice', {
  deviceContextId: tolerate(text('Session id of the device fingerprinting.'), { aliases: ['sessionId'] }),
  ...otherDeviceFields,
});

export const accountUser = namedEntity('AccountUser', {
  userId: optionalId(),
  userType: text('Consumer, Developer, Seller, Publisher or Tenant.'),
  username: text(),
  passwordHash: text(),
  firstName: text(),
  lastName: text(),
  countryRegion: countryRegion(),
  zipCode: text(),
  timeZone: text(),
  language: text(),
  membershipId: text(),
  isMembershipIdUsername: flag(),
  creationDate: instant(),
  updateDate: instant(),
  daysSinceEmailFirstSeen: amount(),
  phoneAddressMatchStatus: text(),
});

const email = namedEntity('AccountEmail', {
  emailType: text('Primary or Alternative.'),
  emailValue: text(),
  isEmailValidated: flag(),
  emailValidatedDate: instant(),
  isEmailUsername: flag(),
});

const phone = namedEntity('AccountPhone', {
  phoneType: text('Primary or Alternative.'),
  phoneNumber: text(),
  isPhoneNumberValidated: flag(),
  phoneNumberValidatedDate: instant(),
  isPhoneUsername: flag(),
});

const { country: _country, ...otherAddressFields } = addressFields;

const accountAddress = namedEntity('AccountAddress', {
  addressType: text('Primary, Billing, Shipping or Alternative.'),
  ...otherAddressFields,
  countryRegion: countryRegion(),
});

const accountInstrument = namedEntity('AccountPaymentInstrument', {
  type: text('CreditCard, DirectDebit, PayPal …'),
  ...paymentInstrumentFields,
  billingAddress: accountAddress.optional(),
});

const ssoAuthenticationProvider = namedEntity('SsoAuthenticationProvider', {
  authenticationProvider: text('MSA, Facebook, PSN, MerchantAuth or Google.'),
  displayName: text(),
});

export const accountMarketing = namedEntity('MarketingContext', {
  campaignType: text(),
  'trafficSource-referrer': text(),
  'trafficSource-referralLink': text(),
  'trafficSource-referralSite': text(),
  incentiveType: text(),
  incentiveOffer: text(),
  campaignStartDate: instant(),
  campaignExpireDate: instant(),
  incentiveQuantityLimit: text(),
});

/** What every event about an account may carry beside its metadata. Lists are lists, also where one object was sent. */
export const accountFields = {
  name: text(),
  version: text(),
  device: tolerate(accountDevice.optional(), { aliases: ['deviceContext'] }),
  user: accountUser.optional(),
  email: z.array(email).optional(),
  phone: z.array(phone).optional(),
  address: z.array(accountAddress).optional(),
  paymentInstruments: tolerate(z.array(accountInstrument).optional(), {
    aliases: ['paymentInstrument', 'paymentInstrumentList'],
  }),
  ssoAuthenticationProvider: ssoAuthenticationProvider.optional(),
  marketingContext: accountMarketing.optional(),
  customData: anything(),
};
