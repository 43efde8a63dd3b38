import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const HUB = process.env.EVERTHREAD_URL ?? 'http://127.0.0.1:8080';

/** The console and the hosted chat page. The widget's script has its own configuration: it is one file. */
export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    // A strict content security policy lets nothing in by `data:`.
    assetsInlineLimit: 0,
    rolldownOptions: { input: { index: 'index.html', chat: 'chat.html' } },
  },
  server: {
    proxy: { '/api': HUB, '/chat': HUB, '/hooks': HUB },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
  },
});
