import { cx } from '../lib/cx';

const HUES = [152, 28, 262, 200, 330, 88, 232, 12];

/** A stable number for a text. */
function hash(text: string): number {
  let value = 7;
  for (const char of text) value = (value * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return value;
}

/** Up to two initials of a name; a phone number shows its last two digits. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (!first) return '?';
  if (/^[+\d(]/.test(first)) return name.replace(/\D/g, '').slice(-2) || '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return ([...first][0] ?? '?').concat(last ? ([...last][0] ?? '') : '').toUpperCase();
}

interface AvatarProps {
  name: string;
  seed?: string | undefined;
  size?: 'sm' | 'md' | 'lg';
}

/** A person's initials on a quiet colour that stays theirs. Decoration: the name stands beside it. */
export function Avatar({ name, seed, size = 'md' }: AvatarProps) {
  const hue = HUES[hash(seed || name) % HUES.length] ?? 0;
  return (
    <span
      aria-hidden="true"
      style={{
        background: `light-dark(oklch(0.91 0.045 ${hue}), oklch(0.34 0.05 ${hue}))`,
        color: `light-dark(oklch(0.38 0.09 ${hue}), oklch(0.9 0.06 ${hue}))`,
      }}
      className={cx(
        'grid shrink-0 place-items-center rounded-full font-semibold select-none',
        size === 'sm' && 'size-6 text-[10px]',
        size === 'md' && 'size-9 text-xs',
        size === 'lg' && 'size-14 text-lg',
      )}
    >
      {initials(name)}
    </span>
  );
}
