/** The days of a run of months, at most `most` of them, as text, with the index of the month each is in. */
export function days(
  start: string,
  months: number,
  most = Number.POSITIVE_INFINITY,
): { day: string; month: string; monthIndex: number }[] {
  const [year, first] = start.split('-').map(Number);
  const result: { day: string; month: string; monthIndex: number }[] = [];
  for (let m = 0; m < months; m++) {
    const length = new Date(Date.UTC(year!, first! + m, 0)).getUTCDate();
    for (let d = 1; d <= length; d++) {
      const day = new Date(Date.UTC(year!, first! - 1 + m, d)).toISOString().slice(0, 10);
      result.push({ day, month: day.slice(0, 7), monthIndex: m });
    }
  }
  return result.slice(0, most);
}
