import { Link } from '@tanstack/react-router';
import { clock } from '../../lib/dates';
import type { HistoryReport, IncidentGap } from '../../lib/types';
import { words } from './strings';

const COLUMNS = ['platform', 'known', 'added', 'unreadable'] as const;

function outcome(report: HistoryReport): string {
  if (report.complete) return words.complete(report.account, report.platform);
  return report.state === 'reading' ? words.readingNow(report.account) : words.incomplete(report.account);
}

function Left({ report }: { report: HistoryReport }) {
  return (
    <ul aria-label={words.historyLeft} className="mt-1 list-disc space-y-1 pl-5 text-sm text-ink-2">
      {report.left.map((left) => (
        <li key={`${left.customer}${left.conversation_id}`} className="[overflow-wrap:anywhere]">
          {left.conversation_id ? (
            <Link
              to="/inbox/$conversationId"
              params={{ conversationId: left.conversation_id }}
              className="font-medium text-accent-ink underline-offset-2 hover:underline"
            >
              {left.customer}
            </Link>
          ) : (
            <span className="font-medium text-ink">{left.customer}</span>
          )}
          : {left.reason ?? words.leftReason}
        </li>
      ))}
    </ul>
  );
}

/** What was read back from the platforms, and whether that is all. */
export function HistorySection({ reports }: { reports: readonly HistoryReport[] }) {
  return (
    <>
      <div className="overflow-x-auto">
        <table className="w-full max-w-2xl text-sm">
          <thead>
            <tr className="border-b border-line text-left text-ink-2">
              <th scope="col" className="py-1.5 pr-4 font-medium">
                {words.historyHeads.account}
              </th>
              {COLUMNS.map((column) => (
                <th key={column} scope="col" className="py-1.5 pl-4 text-right font-medium">
                  {words.historyHeads[column]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {reports.map((report) => (
              <tr key={`${report.account}${report.channel}`} className="border-b border-line last:border-0">
                <th scope="row" className="py-1.5 pr-4 text-left font-medium">
                  {report.account}
                </th>
                {COLUMNS.map((column) => (
                  <td key={column} className="py-1.5 pl-4 text-right tabular-nums">
                    {report[column]}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {reports.map((report) => (
        <div key={`${report.account}${report.channel}`} className="mt-2">
          <p className="text-sm">
            {outcome(report)} {report.next_at ? words.readAgain(clock(report.next_at)) : null}
          </p>
          {report.reason ? (
            <p className="text-sm [overflow-wrap:anywhere] text-ink-2">{report.reason}</p>
          ) : null}
          {report.left.length > 0 ? <Left report={report} /> : null}
        </div>
      ))}
    </>
  );
}

/** Where messages may be missing for good. */
export function GapsSection({ gaps }: { gaps: readonly IncidentGap[] }) {
  return (
    <ul className="space-y-1">
      {gaps.map((gap) => (
        <li key={`${gap.account}${gap.channel}`}>
          {words.gap(gap.account, clock(gap.since), clock(gap.until), gap.conversations)}
        </li>
      ))}
    </ul>
  );
}
