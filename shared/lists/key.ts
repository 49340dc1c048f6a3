/**
 * The form in which list keys and support-list keys are compared: letter case and the white space around them do not
 * count (FQL rulings). The empty key is in no list.
 */
export function normalKey(key: string): string {
  return key.trim().toLowerCase();
}
