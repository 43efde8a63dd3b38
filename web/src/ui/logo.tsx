/** The sign of the product: one thread, drawn in one line. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} role="img" aria-label="Everthread">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <path
        d="M7 10.5c9-1 17.5 1 17.5 5.5s-7 4.5-9.5 1.5 2.5-7 6-4S17 22.5 7.5 22"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
    </svg>
  );
}
