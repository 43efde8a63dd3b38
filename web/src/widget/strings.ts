/** Words of the web chat. */
export const words = {
  open: 'Open the chat',
  unread: (count: number) => (count === 1 ? '1 unread message' : `${count} unread messages`),
  close: 'Close the chat',
  chat: 'Chat',
  placeholder: 'Write a message…',
  send: 'Send',
  loading: 'Opening the chat…',
  gone: 'This chat is not available.',
  offline: 'No connection. What you write is kept and sent as soon as it is back.',
  notSent: 'Not sent yet',
  refused: 'This could not be sent',
  states: { read: 'Read', delivered: 'Delivered' } as Record<string, string>,
  sent: 'Sent',
  us: 'Answer',
  you: 'You',
  hello: 'How can we help?',
};
