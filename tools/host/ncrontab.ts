/**
 * Schedules of timer triggers, read as the Functions runtime reads them: NCRONTAB with five or six fields
 * (github.com/atifaziz/NCrontab), else a TimeSpan. All times are UTC, as on Flex Consumption.
 */

/** A schedule, or another setting of a function, that the runtime would refuse; the message says what and why. */
export class DefinitionError extends Error {}

export interface Schedule {
  readonly kind: 'cron' | 'interval';
  /** The first occurrence after `after`, milliseconds since 1970; undefined where there is none before the year 10000. */
  next(after: number): number | undefined;
  /** Whether two occurrences can lie less than a minute apart; the runtime then keeps no status, so no run is ever past due. */
  readonly subMinute: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const MONTHS = 'January,February,March,April,May,June,July,August,September,October,November,December'.split(
  ',',
);
const DAYS = 'Sunday,Monday,Tuesday,Wednesday,Thursday,Friday,Saturday'.split(',');
const FIELDS: readonly Field[] = [
  { name: 'second', min: 0, max: 59, names: [] },
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of week', min: 0, max: 6, names: DAYS },
];
const END = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * Reads a schedule: `{second} {minute} {hour} {day} {month} {day of week}`, the second optional, or `[d.]hh:mm[:ss]`.
 * @throws DefinitionError
 */
export function parseSchedule(expression: string): Schedule {
  const tokens = expression.split(' ').filter((token) => token !== '');
  if (tokens.length === 5) return cron(['0', ...tokens], expression);
  if (tokens.length === 6) return cron(tokens, expression);
  const milliseconds = timeSpan(expression.trim());
  if (milliseconds === undefined)
    throw new DefinitionError(
      `'${expression}' is no schedule: it needs six fields (second minute hour day month day-of-week), five (no second), or a time span like 01:30:00`,
    );
  if (milliseconds <= 0) throw new DefinitionError(`'${expression}' is no interval to run at`);
  return { kind: 'interval', subMinute: milliseconds < 60_000, next: (after) => after + milliseconds };
}

function cron(tokens: readonly string[], expression: string): Schedule {
  const sets = FIELDS.map((field, index) => {
    try {
      return readField(field, tokens[index] ?? '');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new DefinitionError(`'${expression}': ${why} in the field ${field.name} ('${tokens[index]}')`);
    }
  });
  const [seconds, minutes, hours, days, months, weekdays] = sets;
  if (!seconds || !minutes || !hours || !days || !months || !weekdays) throw new DefinitionError(expression);
  const full = (set: ReadonlySet<number>, index: number) => {
    const field = FIELDS[index];
    return field !== undefined && set.size === field.max - field.min + 1;
  };
  return {
    kind: 'cron',
    subMinute: seconds.size > 1 && sets.slice(1).every((set, index) => full(set, index + 1)),
    next(after) {
      const from = new Date(Math.floor(after / 1000) * 1000 + 1000);
      const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate());
      for (let day = first; day <= END; day += 86_400_000) {
        const date = new Date(day);
        if (!months.has(date.getUTCMonth() + 1)) {
          // to the day before the next month begins
          day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
          continue;
        }
        // NCRONTAB wants both day fields to hold, where cron wants either
        if (!days.has(date.getUTCDate()) || !weekdays.has(date.getUTCDay())) continue;
        const time = firstTime(hours, minutes, seconds, day === first ? from : undefined);
        if (time !== undefined) return day + time * 1000;
      }
      return undefined;
    },
  };
}

/** The first second of a day that the three sets hold, not before the time of `from`. */
function firstTime(
  hours: ReadonlySet<number>,
  minutes: ReadonlySet<number>,
  seconds: ReadonlySet<number>,
  from: Date | undefined,
): number | undefined {
  const start =
    from === undefined ? 0 : from.getUTCHours() * 3600 + from.getUTCMinutes() * 60 + from.getUTCSeconds();
  for (let time = start; time < 86_400; ) {
    const hour = Math.floor(time / 3600);
    const minute = Math.floor(time / 60) % 60;
    if (!hours.has(hour)) time = (hour + 1) * 3600;
    else if (!minutes.has(minute)) time = hour * 3600 + (minute + 1) * 60;
    else if (!seconds.has(time % 60)) time += 1;
    else return time;
  }
  return undefined;
}

function readField(field: Field, text: string): ReadonlySet<number> {
  const values = new Set<number>();
  // a comma in front is not a list to NCRONTAB, and no value either
  const items = text.indexOf(',') > 0 ? text.split(',') : [text];
  for (const item of items) for (const value of readItem(field, item)) values.add(value);
  return values;
}

function readItem(field: Field, text: string): number[] {
  const slash = text.indexOf('/');
  const step = slash > 0 ? Math.max(1, integer(text.slice(slash + 1))) : undefined;
  const range = slash > 0 ? text.slice(0, slash) : text;
  if (range === '*') return every(field.min, field.max, step ?? 1);
  const dash = range.indexOf('-');
  if (dash > 0) {
    const ends = [readValue(field, range.slice(0, dash)), readValue(field, range.slice(dash + 1))];
    // a range that runs backwards is read forwards: FRI-MON is MON-FRI
    return every(Math.min(...ends), Math.max(...ends), step ?? 1);
  }
  const value = readValue(field, range);
  return step === undefined ? [value] : every(value, field.max, step);
}

function readValue(field: Field, text: string): number {
  if (text === '') throw new Error('a value is missing');
  let value: number;
  if (/^[0-9]/.test(text)) value = integer(text);
  else {
    // any beginning of a name will do, as it does for NCRONTAB
    const index = field.names.findIndex((name) => name.toLowerCase().startsWith(text.toLowerCase()));
    if (index < 0) throw new Error(`'${text}' is no value`);
    value = index + field.min;
  }
  if (value < field.min || value > field.max)
    throw new Error(`${value} is not between ${field.min} and ${field.max}`);
  return value;
}

function integer(text: string): number {
  if (!/^[+-]?[0-9]{1,9}$/.test(text)) throw new Error(`'${text}' is no whole number`);
  return Number(text);
}

function every(first: number, last: number, step: number): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

/**
 * A .NET TimeSpan, `[-][d.]hh:mm[:ss[.fffffff]]` or a number of days, in milliseconds; undefined where the text is none.
 * A part out of range (24 hours, 60 minutes) makes it none, as in `TimeSpan.TryParse`.
 */
export function timeSpan(text: string): number | undefined {
  const days = /^(-?)(\d{1,8})$/.exec(text);
  if (days) return (days[1] ? -1 : 1) * Number(days[2]) * 86_400_000;
  const parts = /^(-?)(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d{1,7})?)?$/.exec(text);
  if (!parts) return undefined;
  const [hours, minutes, seconds] = [Number(parts[3]), Number(parts[4]), Number(parts[5] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const total = ((Number(parts[2] ?? 0) * 24 + hours) * 60 + minutes) * 60 + seconds + Number(parts[6] ?? 0);
  return (parts[1] ? -1 : 1) * Math.round(total * 1000);
}
