import { defineConfig, type Plugin } from 'vite';

/** Writes what is not ASCII as escapes: the script stands in pages whose encoding we do not know. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue;
      file.code = file.code.replace(
        /[^\n\r\t -~]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/** The web chat widget: one script without imports, put beside the console's files. */
export default defineConfig({
  plugins: [ascii],
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
