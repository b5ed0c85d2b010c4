// Numbers and dates as Java prints them, for the answers that monitoring parses: Double.toString,
// Date.toString, and the build date of a version line. Times are Unix ms; the zone is always UTC,
// where Java takes the machine's.

const dayMs = 86_400_000;
const weekDays = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'] as const;
const months = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
] as const;

/** Double.toString: always a fraction; an exponent below 1e-3 and from 1e7 on. */
export function javaDouble(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? '0.0' : String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}

/** An average as AvgMinMaxCounter rounds it: four digits after the point. */
export function javaAverage(value: number): string {
  return javaDouble(Math.round(value * 1e4) / 1e4);
}

interface Civil {
  readonly year: number;
  /** 1 … 12 */
  readonly month: number;
  readonly day: number;
  /** Days since 1970-01-01. */
  readonly days: number;
  readonly time: readonly [hours: string, minutes: string, seconds: string];
}

/** `Sun Nov 22 05:36:43 UTC 2026` */
export function javaDate(unixMs: number): string {
  const { year, month, day, days, time } = civilOf(unixMs);
  const weekDay = weekDays[((days % 7) + 7) % 7];
  return `${weekDay} ${months[month - 1]} ${two(day)} ${time.join(':')} UTC ${year}`;
}

/** `2026-11-22 05:36 UTC` */
export function buildDate(unixMs: number): string {
  const { year, month, day, time } = civilOf(unixMs);
  return `${year}-${two(month)}-${two(day)} ${time[0]}:${time[1]} UTC`;
}

/** Proleptic Gregorian; years are counted from March, so that the leap day is the last of a year. */
function civilOf(unixMs: number): Civil {
  const days = Math.floor(unixMs / dayMs);
  const seconds = Math.floor((unixMs - days * dayMs) / 1000);
  const sinceMarch0 = days + 719_468;
  const era = Math.floor(sinceMarch0 / 146_097);
  const ofEra = sinceMarch0 - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
    days,
    time: [two(Math.floor(seconds / 3600)), two(Math.floor(seconds / 60) % 60), two(seconds % 60)],
  };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
