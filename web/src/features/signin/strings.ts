export const words = {
  title: 'Sign in to Everthread',
  email: 'E-mail',
  password: 'Password',
  signIn: 'Sign in',
  byLink: 'Signing you in…',
  linkFailed: 'This link does not work any more',
  linkHint: 'A sign-in link works once, for 30 minutes. Use your password, or ask for a new link.',
  tagline: 'One thread per customer, over every channel.',
};
