import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from './icon-button';

/** A value in fixed-width letters with a button that copies it. */
export function CopyText({ value, label }: { value: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <span className="flex min-w-0 items-center gap-1">
      <code className="min-w-0 truncate rounded bg-hover px-1.5 py-0.5 font-mono text-xs">{value}</code>
      <IconButton label={copied ? 'Copied' : label} onClick={copy} small>
        {copied ? (
          <Check aria-hidden="true" className="size-3.5 text-ok" />
        ) : (
          <Copy aria-hidden="true" className="size-3.5" />
        )}
      </IconButton>
    </span>
  );
}
