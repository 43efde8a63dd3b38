export const words = {
  title: 'Tour',
  count: (done: number, all: number) => `${done} of ${all}`,
  all: 'All steps',
  hide: 'Hide the tour; your menu brings it back',
  done: 'Done',
  stepDone: (title: string) => `Done: ${title}`,
  finished: 'That was an outage, survived: nothing was lost, and every message has its reason.',
  finish: 'End the tour',
  again: 'Once more',
  steps: {
    chat: {
      title: 'Write to your shop',
      text: 'Open your web chat as a customer would, and say hello.',
      action: 'Open the chat',
    },
    lead: {
      title: 'See the lead',
      text: 'Rules answered you and made a lead of the conversation.',
      action: 'Look at the leads',
    },
    down: {
      title: 'Take Instagram down',
      text: 'A simulated Instagram stops. Everthread is told nothing: it notices by itself within seconds.',
      action: 'To the sandbox',
    },
    why: {
      title: 'Read why on one message',
      text: 'Answer in a conversation that it touched; in the menu of your message, press “Why this way?”.',
      action: 'Open a conversation',
      wait: 'It takes some seconds until the first conversation is carried on or held.',
    },
    counts: {
      title: 'Bring it back and see the counts',
      text: 'Bring Instagram back, then look at what became of everybody.',
      action: 'To the sandbox',
      see: 'See the incident',
    },
  },
};
