import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // pages lie at any depth; the server that hands them out puts its base path before what they load
  experimental: {
    renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? `/console/${file}` : { relative: true }),
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // they know light-dark(), which the themes are written in
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // everything within the strict policy of the page: no data: URL but the icon's, no helper for older browsers
    assetsInlineLimit: 0,
    modulePreload: false,
  },
})
