export type { DataSubject, SubjectOperation, SubjectRequest, SubjectRequests } from './requests.ts';
export {
  assessmentSubject,
  gdprBody,
  openRequests,
  operations,
  readRequest,
  requestBody,
  subjectBody,
  subjectNames,
  userSubject,
} from './requests.ts';
export { enqueue, exportedFile, sweep, work } from './work.ts';
