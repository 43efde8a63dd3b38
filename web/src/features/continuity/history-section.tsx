import type { HistoryReport } from '../../lib/types';
import { words } from './strings';

const COLUMNS = ['readable', 'matched', 'added', 'unreadable'] as const;

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
              <tr key={report.account} className="border-b border-line last:border-0">
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
        <p key={report.account} className="mt-2 text-sm">
          {report.unreadable === 0
            ? `${report.account}: ${words.complete(report.readable)}`
            : words.incomplete(report.account)}
        </p>
      ))}
    </>
  );
}
