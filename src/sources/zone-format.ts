/**
 * The wall clock of a configured time zone, by the tz data Node carries (Intl). Shared by every source whose stamps have no zone;
 * how each tells the two passes of a repeated hour apart is its own business.
 */
import { AppError } from '../errors.ts'

/** `name`: an IANA name, `UTC` or `+05:30`. An unknown one is the operator's error: AppError `bad-pipeline`. */
export function openZoneFormat(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (cause) {
    throw new AppError('bad-pipeline', `unknown time zone ${JSON.stringify(name)}`, {
      advice: 'Use an IANA name such as Europe/Berlin, UTC, or an offset such as +05:30.',
      cause,
    })
  }
}
