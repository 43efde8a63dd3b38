export const words = {
  title: 'Problems',
  text: 'What came in and could not be understood. Nothing is thrown away; what is fixed can be replayed.',
  empty: 'No problems',
  emptyText: 'Everything that came in was understood.',
  loading: 'Loading problems',
  raw: 'What came in',
  replay: 'Replay',
  replayed: 'It is being read again',
  notReplayed: 'The replay did not start',
  more: 'Load more',
};
