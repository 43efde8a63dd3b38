import { defineConfig } from 'vite';

/** The web chat widget: one script without imports, put beside the console's files. */
export default defineConfig({
  publicDir: false,
  define: { 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2020',
    outDir: 'dist',
    emptyOutDir: false,
    lib: {
      entry: 'src/widget/main.tsx',
      formats: ['iife'],
      name: 'EverthreadChat',
      fileName: () => 'widget.js',
    },
  },
});
