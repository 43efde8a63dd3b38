import { ShieldQuestionMark } from 'lucide-react';
import { Tag } from '../../../ui/tag';
import { words } from '../strings';

/** Marks what comes from somebody who merely had a continuation link. */
export function UnverifiedTag() {
  return (
    <Tag tone="warn">
      <ShieldQuestionMark aria-hidden="true" className="size-3" />
      <span title={words.unverifiedHint}>{words.unverified}</span>
    </Tag>
  );
}
