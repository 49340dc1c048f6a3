import { readInstant } from '../../events/instant.ts';
import * as facts from '../scorecardFacts.ts';
import { at, least, most, numberAt, textAt } from '../scorecardReads.ts';

type Family =
  | 'transaction'
  | 'location'
  | 'account'
  | 'accountConsistency'
  | 'payment'
  | 'product'
  | 'device';

/** A feature that the event itself tells. */
export interface PayloadFeature {
  name: string;
  family: Family;
  /** what it says, for people */
  description: string;
  measure: facts.Measure;
}

const feature = (
  name: string,
  family: Family,
  description: string,
  measure: facts.Measure,
): PayloadFeature => ({
  name,
  family,
  description,
  measure,
});

const list = (value: unknown, name: string): readonly unknown[] => {
  const found = at(value, name);
  return Array.isArray(found) ? found : [];
};

const word = (text: string | undefined) => text?.toLowerCase().replaceAll(/[\s_-]/g, '');

/** Hour of the customer's own clock, 0 up to 24, as the local date is written. */
const localHour: facts.Measure = ({ event }) => {
  const local = textAt(event, 'customerLocalDate') ?? textAt(event, 'metadata', 'customerLocalDate');
  const found = /^\d{4}-\d\d-\d\d[T ](\d\d):(\d\d)/i.exec(local ?? '');
  return found === null ? undefined : Number(found[1]) + Number(found[2]) / 60;
};

/** Day of the week by the customer's own clock, 0 Sunday to 6 Saturday. */
const localWeekday: facts.Measure = ({ event }) => {
  const local = textAt(event, 'customerLocalDate') ?? textAt(event, 'metadata', 'customerLocalDate');
  const found = /^(\d{4})-(\d\d)-(\d\d)/.exec(local ?? '');
  return found === null
    ? undefined
    : new Date(Date.UTC(Number(found[1]), Number(found[2]) - 1, Number(found[3]))).getUTCDay();
};

const paymentKinds = [
  'creditcard',
  'directdebit',
  'paypal',
  'mobilebilling',
  'onlinebanktransfer',
  'invoice',
];
const walletKinds = ['merchantgiftcard', 'merchantwallet', 'cashondelivery', 'paytm', 'ccavenue'];
const allPaymentKinds = [...paymentKinds, ...walletKinds];

/** Number of the first payment instrument's kind; other words have the number after the last. */
const paymentKind: facts.Measure = ({ event }) => {
  const kind = word(textAt(list(event, 'paymentInstrumentList')[0], 'type'));
  if (kind === undefined) return undefined;
  const index = allPaymentKinds.indexOf(kind);
  return index < 0 ? allPaymentKinds.length : index;
};

const shippingKinds = ['standard', 'express', 'instorepickup', 'directentitlement', 'digitaltoken'];
const shippingKind: facts.Measure = ({ event }) => {
  const kind = word(textAt(event, 'shippingMethod'));
  if (kind === undefined) return undefined;
  const index = shippingKinds.indexOf(kind);
  return index < 0 ? shippingKinds.length : index;
};

const email = (event: unknown) => textAt(event, 'user', 'email') ?? textAt(event, 'email', 0, 'emailValue');

const deviceOf = (event: unknown) => at(event, 'deviceContext') ?? at(event, 'device');

const userAgent = ({ event, context }: facts.Facts) =>
  textAt(deviceOf(event), 'httpUserAgent') ?? textAt(context.deviceAttributes, 'browserUserAgent');

/** Whether something that browsers usually have is off. */
const off =
  (ofDevice: string, ofAttributes: string): facts.Measure =>
  ({ event, context }) => {
    const given = at(deviceOf(event), ofDevice) ?? textAt(context.deviceAttributes, ofAttributes);
    return given === undefined ? undefined : Number(word(String(given)) === 'false');
  };

/** Days since one of the named changes of an account (`recentUpdate` of a sign-in). */
const daysSinceUpdate =
  (...names: string[]): facts.Measure =>
  ({ event, context }) =>
    least(
      names.map((name) => {
        const changed = readInstant(at(event, 'recentUpdate', name));
        return changed === undefined ? undefined : Math.max(0, context.now - changed) / 86_400_000;
      }),
    );

/**
 * The catalogue. No feature tells what a name, a language or a country is: names are only compared with each other,
 * countries only with each other. See docs/scoring-model.md and the test that holds it to that.
 */
export const payloadFeatures: readonly PayloadFeature[] = [
  feature('amount', 'transaction', 'Amount, in US dollars', facts.amountInDollars),
  feature('localHour', 'transaction', 'Hour by the customer’s clock', localHour),
  feature('localWeekday', 'transaction', 'Day of the week by the customer’s clock', localWeekday),
  feature('repeatedCharge', 'transaction', 'Later charge of a subscription', facts.repeatedCharge),
  feature('triedAgain', 'transaction', 'Order tried again', facts.triedAgain),
  feature('rushedShipping', 'transaction', 'Rushed shipping', facts.rushedShipping),
  feature('shippingKind', 'transaction', 'Kind of shipping', shippingKind),
  feature(
    'lines',
    'product',
    'Lines of the basket',
    ({ event }) => list(event, 'productList').length || undefined,
  ),
  feature('dearestProduct', 'product', 'Price of the dearest product', ({ event }) =>
    most(
      list(event, 'productList').map((one) => numberAt(one, 'purchasePrice') ?? numberAt(one, 'salesPrice')),
    ),
  ),
  feature('digitalShare', 'product', 'Share of digital goods', facts.digitalShare),
  feature('mostOfOneProduct', 'product', 'Most pieces of one product', facts.mostOfOneProduct),
  feature('soldOn', 'product', 'Goods that are easily sold on', facts.soldOn),
  feature('accountAge', 'account', 'Days since the account was created', facts.accountAge),
  feature(
    'daysSinceProfileChange',
    'account',
    'Days since the profile changed',
    facts.daysSinceProfileChange,
  ),
  feature('daysSinceFirstPurchase', 'account', 'Days since the first purchase', facts.isFirstPurchaseKnown),
  feature('guest', 'account', 'Purchase without an account', facts.guest),
  feature('member', 'account', 'Member of the loyalty programme', facts.member),
  feature('mailKind', 'account', 'Free or throw-away mailbox', facts.mailKind),
  feature('digitsInMailbox', 'account', 'Digits in the mailbox', facts.digitsInMailbox),
  feature(
    'mailboxLength',
    'account',
    'Length of the mailbox',
    ({ event }) => email(event)?.slice(0, 320).split('@')[0]?.length,
  ),
  feature('mailTagged', 'account', 'Mailbox with a tag', ({ event }) => {
    const address = email(event);
    return address === undefined ? undefined : Number(/\+.*@/.test(address.slice(0, 320)));
  }),
  feature('mailConfirmed', 'account', 'Confirmed e-mail address', facts.mailConfirmed),
  feature(
    'daysSinceMailSeen',
    'account',
    'Days since the e-mail address was first seen',
    facts.daysSinceMailSeen,
  ),
  feature('phoneInvalid', 'account', 'Telephone number that cannot be', facts.phoneInvalid),
  feature('phoneAbroad', 'accountConsistency', 'Telephone number of another country', facts.phoneAbroad),
  feature('otherRecipient', 'accountConsistency', 'Recipient with another name', facts.otherRecipient),
  feature('otherHolder', 'accountConsistency', 'Card holder with another name', facts.otherHolder),
  feature('otherPayerMail', 'accountConsistency', 'Payer with another e-mail address', facts.otherPayerMail),
  feature('shippingAbroad', 'location', 'Shipped to another country than billed', facts.shippingAbroad),
  feature('userAbroad', 'location', 'Billed in another country than the account’s', facts.userAbroad),
  feature('ipAbroad', 'location', 'IP address in another country', facts.ipAbroad),
  feature('cardAbroad', 'location', 'Card issued in another country', facts.cardAbroad),
  feature('otherZip', 'location', 'Shipped to another postal code than billed', facts.otherZip),
  feature(
    'departureDistance',
    'location',
    'Miles from billing address to departure',
    facts.departureDistance,
  ),
  feature('paymentKind', 'payment', 'Kind of payment instrument', paymentKind),
  feature('instrumentAge', 'payment', 'Days since the payment instrument was added', facts.instrumentAge),
  feature('instrumentCount', 'payment', 'Payment instruments in one purchase', facts.instrumentCount),
  feature('checksFailed', 'payment', 'Card check that failed', facts.checksFailed),
  feature('instrumentBlocked', 'payment', 'Blocked or expired payment instrument', facts.instrumentBlocked),
  feature('prepaidCard', 'payment', 'Prepaid or gift card', facts.prepaidCard),
  feature('payerUnverified', 'payment', 'Payer not verified', facts.payerUnverified),
  feature('authenticated3DS', 'payment', 'Authenticated by 3-D Secure', facts.authenticated3DS),
  feature('deviceUnknown', 'device', 'No device identified', facts.deviceUnknown),
  feature('ipUnknown', 'device', 'No IP address', facts.ipUnknown),
  feature('behindProxy', 'device', 'Behind a proxy', facts.behindProxy),
  feature('agentKnown', 'device', 'Browser known', facts.agentKnown),
  feature('agentScripted', 'device', 'Browser that says it is a script', (given) => {
    const agent = userAgent(given);
    return agent === undefined
      ? undefined
      : Number(
          /bot\b|crawl|spider|headless|phantom|selenium|puppeteer|playwright|curl|wget|python|java\/|okhttp|go-http/i.test(
            agent,
          ),
        );
  }),
  feature(
    'agentLength',
    'device',
    'Length of the browser’s own description',
    (given) => userAgent(given)?.length,
  ),
  feature('cookiesOff', 'device', 'Browser without cookies', off('enabledCookies', 'cookieEnabled')),
  feature('scriptOff', 'device', 'Browser without JavaScript', off('enabledJavaScript', 'javaScriptEnabled')),
  feature(
    'daysSinceContactUpdate',
    'account',
    'Days since telephone or e-mail address changed',
    daysSinceUpdate('lastPhoneNumberUpdateDate', 'lastEmailUpdateDate'),
  ),
  feature(
    'daysSincePaymentUpdate',
    'account',
    'Days since address or payment instrument changed',
    daysSinceUpdate('lastAddressUpdateDate', 'lastPaymentInstrumentUpdateDate'),
  ),
];
