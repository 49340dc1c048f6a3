import type { z } from 'zod';
import { accountCreationSchema } from './accountCreation.ts';
import { accountLabelSchema } from './accountLabel.ts';
import { accountLoginSchema } from './accountLogin.ts';
import { accountCreationStatusSchema, accountLoginStatusSchema } from './accountStatus.ts';
import { accountUpdateSchema } from './accountUpdate.ts';
import { assessmentLabelSchema, assessmentObservationSchema, assessmentSchema } from './assessment.ts';
import { bankEventSchema } from './bankEvent.ts';
import { chargebackSchema } from './chargeback.ts';
import { customAssessmentSchema } from './customAssessment.ts';
import type { EventType } from './eventTypes.ts';
import { labelSchema } from './label.ts';
import { purchaseSchema } from './purchase.ts';
import { purchaseStatusSchema } from './purchaseStatus.ts';
import { refundSchema } from './refund.ts';
import { signInSchema } from './signIn.ts';
import { signUpSchema } from './signUp.ts';
import { signUpStatusSchema } from './signUpStatus.ts';
import { updateAccountSchema } from './updateAccount.ts';

/** The schema of every event's canonical body, for the OpenAPI document and generated requests. */
export const eventSchemas: Readonly<Record<EventType, z.ZodObject>> = {
  Purchase: purchaseSchema,
  PurchaseStatus: purchaseStatusSchema,
  BankEvent: bankEventSchema,
  Chargeback: chargebackSchema,
  Refund: refundSchema,
  UpdateAccount: updateAccountSchema,
  Label: labelSchema,
  SignUp: signUpSchema,
  SignUpStatus: signUpStatusSchema,
  SignIn: signInSchema,
  AccountCreation: accountCreationSchema,
  AccountLogin: accountLoginSchema,
  AccountCreationStatus: accountCreationStatusSchema,
  AccountLoginStatus: accountLoginStatusSchema,
  AccountUpdate: accountUpdateSchema,
  AccountLabel: accountLabelSchema,
  CustomAssessment: customAssessmentSchema,
  Assessment: assessmentSchema,
  AssessmentObservation: assessmentObservationSchema,
  AssessmentLabel: assessmentLabelSchema,
};
