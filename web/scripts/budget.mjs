// Fails the build when the console's first load or the widget is larger than its budget (gzip).
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const KB = 1000;
const dist = new URL('../dist/', import.meta.url).pathname;
const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** Scripts and styles that `index.html` names, and what those scripts import at once. */
function firstLoad() {
  const seen = new Set(['index.html']);
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  const queue = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((m) => m[1]);
  for (const file of queue) {
    if (seen.has(file)) continue;
    seen.add(file);
    if (!file.endsWith('.js')) continue;
    const code = readFileSync(join(dist, file), 'utf8');
    for (const m of code.matchAll(
      /(?:^|[;}\s])(?:import|export)\s*(?:[^'"()]*?from\s*)?["']\.\/([^"']+\.js)["']/g,
    )) {
      queue.push(`assets/${m[1]}`);
    }
  }
  return [...seen];
}

// The Latin cut of the typeface is fetched on first load too.
const latin = readdirSync(join(dist, 'assets')).filter((f) => /geist-latin-wght.*\.woff2$/.test(f));
const font = latin.reduce((sum, f) => sum + statSync(join(dist, 'assets', f)).size, 0);
const budgets = [
  ['console, first load', firstLoad().reduce((sum, f) => sum + size(f), 0) + font, 250 * KB],
  ['widget', size('widget.js'), 15 * KB],
];

let failed = false;
for (const [name, bytes, max] of budgets) {
  const over = bytes > max;
  failed ||= over;
  console.log(`${over ? 'OVER ' : 'ok   '} ${name}: ${(bytes / KB).toFixed(1)} of ${max / KB} kB gzip`);
}
process.exit(failed ? 1 : 0);
