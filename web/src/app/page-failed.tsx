import { Link } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { Empty, Failed } from '../ui/states';

/** A page that broke or could not be loaded. */
export function PageFailed({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <main className="h-dvh w-full">
      <Failed error={error} retry={() => (reset ? reset() : location.reload())} />
    </main>
  );
}

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <main className="h-dvh w-full">
      <Empty
        Sign={Compass}
        title="There is no such page"
        text="The link may be old, or cut short."
        action={
          <Link to="/inbox" className="font-medium text-accent underline">
            To the inbox
          </Link>
        }
      />
    </main>
  );
}
