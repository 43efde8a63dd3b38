/** Joins the class names that are set. Two that set the same property must not meet: their order here means nothing. */
export const cx = (...classes: (string | false | null | undefined)[]): string =>
  classes.filter(Boolean).join(' ');
