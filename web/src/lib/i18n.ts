/** The language of the console. English only for now; a second language is a second table per feature. */
export const LOCALE = 'en';

const rules = new Intl.PluralRules(LOCALE);

/** Picks the form that the language uses for `count`; `#` stands for the number. */
export function plural(count: number, forms: { one: string; other: string }): string {
  const form = rules.select(count) === 'one' ? forms.one : forms.other;
  return form.replace('#', new Intl.NumberFormat(LOCALE).format(count));
}

/** A count for a narrow place: 1.2K instead of 1,234. */
export function compact(count: number): string {
  return new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 }).format(count);
}

/** A size in bytes for people. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
