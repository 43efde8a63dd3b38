import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, CircleMinus, Route } from 'lucide-react';
import { useEffect, useState } from 'react';
import { moment } from '../../../lib/dates';
import { useOpenIncidents } from '../../../lib/queries';
import { mark } from '../../../lib/tour-marks';
import type { Conversation, Message, Plan } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import { Button } from '../../../ui/button';
import { Dialog } from '../../../ui/dialog';
import { Empty, Failed, SkeletonRows } from '../../../ui/states';
import { sayDone, sayFailed } from '../../../ui/toasts';
import { chooseWay, usePlans } from '../api';
import { canCancel, planOf, sentence } from '../model';
import { words } from '../strings';
import { reasonText } from './message-state';

interface Props {
  message: Message;
  conversation: Conversation;
  onResend: (message: Message) => void;
  onClose: () => void;
}

/** One way with its reason, and the way to take it. */
function Way({ plan, at, props, waits }: { plan: Plan; at: number; props: Props; waits: boolean }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const { conversation, message, onResend, onClose } = props;
  const text = plan.ways[at] ?? '';
  const [channel = '', ...rest] = text.split(': ');
  const chosen = plan.chosen === at;
  const choice = plan.choices.find((each) => each.way === at);
  const here = choice?.account_id === conversation.route?.account_id;
  const take = () => {
    if (here) {
      onResend(message);
      onClose();
      return;
    }
    setBusy(true);
    chooseWay(client, conversation.id, plan.id, at)
      .then(() => {
        sayDone(words.sentThisWay);
        onClose();
      })
      .catch((error: unknown) => sayFailed(words.couldNot, error))
      .finally(() => setBusy(false));
  };
  return (
    <li className="flex items-start gap-2.5 border-b border-line py-2.5 last:border-0">
      {chosen ? (
        <CircleCheck aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-ok" />
      ) : (
        <CircleMinus aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-ink-3" />
      )}
      <p className="min-w-0 flex-1 text-pretty">
        <span className="font-medium">{channel}:</span> {rest.join(': ')}
      </p>
      {waits && choice ? (
        <Button
          size="sm"
          busy={busy}
          onClick={take}
          aria-label={`${here ? words.sendAnyway : words.sendThisWay}: ${channel}`}
        >
          {here ? words.sendAnyway : words.sendThisWay}
        </Button>
      ) : null}
    </li>
  );
}

function Decision({ plan, props }: { plan: Plan; props: Props }) {
  const now = useNow();
  const open = useOpenIncidents().data ?? [];
  const incident = open.find((each) => each.number === plan.incident);
  const waits = canCancel(props.message.state);
  const at = moment(plan.at, now);
  useEffect(() => mark('why'), []);
  return (
    <>
      <p className="text-lg font-semibold text-pretty">{plan.decision}</p>
      <p className="mt-0.5 text-sm text-ink-2">
        {plan.by ? words.decidedBy(at, plan.by) : words.decided(at)}
        {plan.incident ? ' · ' : null}
        {incident ? (
          <Link
            to="/continuity/incidents/$incidentId"
            params={{ incidentId: incident.id }}
            className="rounded font-medium text-accent-ink underline underline-offset-2"
          >
            {words.seeIncident(incident.number)}
          </Link>
        ) : plan.incident ? (
          words.seeIncident(plan.incident)
        ) : null}
      </p>
      <h3 className="mt-5 mb-1 text-sm font-semibold">{words.everyWay}</h3>
      <ul>
        {plan.ways.map((way, index) => (
          <Way key={way} plan={plan} at={index} props={props} waits={waits} />
        ))}
      </ul>
      {waits && plan.choices.length > 0 ? (
        <p className="mt-3 text-sm text-pretty text-ink-2">{words.sendText}</p>
      ) : null}
    </>
  );
}

/** Where a message goes, and why: the plan's verdict for every way, as sentences. */
export function WhySheet(props: Props) {
  const { message, conversation, onClose } = props;
  const plans = usePlans(conversation.id);
  const plan = planOf(message, plans.data ?? []);
  return (
    <Dialog open onClose={onClose} title={words.why} description={words.whyText} shape="side">
      {plan ? (
        <Decision plan={plan} props={props} />
      ) : plans.isPending || plans.isFetching ? (
        <SkeletonRows count={3} label={words.loading} />
      ) : plans.isError ? (
        <Failed error={plans.error} retry={() => void plans.refetch()} />
      ) : message.plan_id !== null ? (
        <Empty Sign={Route} title={words.oldPlan} text={words.oldPlanText} />
      ) : message.held ? (
        <Empty Sign={Route} title={sentence(reasonText(message.held.reason))} text={words.planSoon} />
      ) : (
        <Empty Sign={Route} title={words.noPlan} text={words.noPlanText} />
      )}
    </Dialog>
  );
}
