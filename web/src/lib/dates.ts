import { LOCALE } from './i18n';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const timeFormat = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayFormat = new Intl.DateTimeFormat(LOCALE, { weekday: 'long', day: 'numeric', month: 'long' });
const dayYearFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDayFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short' });
const weekdayFormat = new Intl.DateTimeFormat(LOCALE, { weekday: 'short' });
const fullFormat = new Intl.DateTimeFormat(LOCALE, {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});

/** Midnight of the day of `at`, local time. */
export function dayOf(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** `14:02` */
export const clock = (at: string): string => timeFormat.format(new Date(at));

/** Date and time in full, for a tooltip. */
export const full = (at: string): string => fullFormat.format(new Date(at));

/** The heading of a day: Today, Yesterday, or its date. */
export function dayTitle(at: string, now: number): string {
  const day = dayOf(Date.parse(at));
  const days = Math.round((dayOf(now) - day) / DAY);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const sameYear = new Date(day).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayFormat : dayYearFormat).format(day);
}

/** Age in a narrow place: now, 5m, 3h, Tue, 4 Mar. */
export function age(at: string, now: number): string {
  const then = Date.parse(at);
  const span = now - then;
  if (span < MINUTE) return 'now';
  if (span < HOUR) return `${Math.floor(span / MINUTE)}m`;
  if (dayOf(then) === dayOf(now) || span < 12 * HOUR) return `${Math.floor(span / HOUR)}h`;
  if (span < 6 * DAY) return weekdayFormat.format(then);
  return shortDayFormat.format(then);
}

/** A moment ahead or behind: `18:00` today, else `Tue 18:00`, else `4 Mar 18:00`. */
export function moment(at: string, now: number): string {
  const then = Date.parse(at);
  if (dayOf(then) === dayOf(now)) return clock(at);
  if (Math.abs(then - now) < 6 * DAY) return `${weekdayFormat.format(then)} ${clock(at)}`;
  return `${shortDayFormat.format(then)} ${clock(at)}`;
}

/** A span in words: `3 h 20 min`, `40 min`, `2 days`. */
export function span(ms: number): string {
  if (ms < MINUTE) return 'less than a minute';
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) {
    const hours = Math.floor(ms / HOUR);
    const minutes = Math.floor((ms % HOUR) / MINUTE);
    return minutes && hours < 6 ? `${hours} h ${minutes} min` : `${hours} h`;
  }
  const days = Math.floor(ms / DAY);
  return days === 1 ? '1 day' : `${days} days`;
}

/** Times offered for "snooze": this evening (if still ahead), tomorrow morning, next Monday morning. */
export function snoozeTimes(now: number): { key: 'hour' | 'evening' | 'tomorrow' | 'monday'; at: number }[] {
  const at = (days: number, hour: number) => {
    const date = new Date(now);
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days, hour).getTime();
  };
  const weekday = new Date(now).getDay();
  const toMonday = (8 - weekday) % 7 || 7;
  const times: { key: 'hour' | 'evening' | 'tomorrow' | 'monday'; at: number }[] = [
    { key: 'hour', at: now + HOUR },
    { key: 'evening', at: at(0, 18) },
    { key: 'tomorrow', at: at(1, 9) },
    { key: 'monday', at: at(toMonday, 9) },
  ];
  return times.filter((time) => time.at > now + 30 * MINUTE);
}
