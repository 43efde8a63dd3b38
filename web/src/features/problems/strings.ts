export const words = {
  title: 'Problems',
  text: 'What came in and could not be understood. Nothing is thrown away; what is fixed can be replayed.',
  empty: 'No problems',
  emptyText: 'Everything that came in was understood.',
  loading: 'Loading problems',
  raw: 'What came in',
  replay: 'Replay',
  replayed: 'It was understood now and is in its conversation',
  notSolved: 'It is still not understood; it stays here',
  notReplayed: 'The replay did not work',
  more: 'Load more',
};
