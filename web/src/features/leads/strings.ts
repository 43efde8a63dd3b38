export const words = {
  title: 'Leads',
  text: 'People with something in mind to buy, and how far they are.',
  search: 'Search leads',
  stage: 'Stage',
  allStages: 'All stages',
  columns: { contact: 'Contact', stage: 'Stage', source: 'From', fields: 'Details', updated: 'Changed' },
  stageOf: (name: string) => `Stage of ${name}`,
  empty: 'No leads yet',
  emptyText:
    'A rule makes a lead when a customer asks for something you sell. Leads show here with their stage.',
  nothing: 'Nothing found',
  nothingText: 'No lead fits this stage and search.',
  moved: (name: string, stage: string) => `${name} is now in ${stage}`,
  notMoved: 'The stage was not changed',
  loading: 'Loading leads',
  more: 'Load more',
  openThread: (name: string) => `Conversation with ${name}`,
};
