import type { ReactNode } from 'react';

/** A page beside the inbox: heading, actions, content that scrolls. */
export function PageFrame({
  title,
  text,
  actions,
  above,
  children,
}: {
  title: string;
  text?: string;
  actions?: ReactNode;
  /** Over the heading: the way back, marks. */
  above?: ReactNode;
  children: ReactNode;
}) {
  return (
    <main className="flex h-full min-w-0 flex-1 flex-col overflow-y-auto bg-surface">
      <div className="mx-auto w-full max-w-5xl flex-1 px-4 py-6 md:px-8 md:py-8">
        {above}
        <header className="mb-6 flex flex-wrap items-end gap-x-4 gap-y-3">
          <div className="min-w-0 flex-1 basis-64">
            <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
            {text ? <p className="mt-1 text-pretty text-ink-2">{text}</p> : null}
          </div>
          {actions}
        </header>
        {children}
      </div>
    </main>
  );
}
