import { defineConfig } from 'vite'
import { sourceHash } from './source-hash'

export default defineConfig({
  plugins: [sourceHash()],
  // The package's "module" names a file that it doesn't have.
  resolve: { alias: { '@xterm/headless': '@xterm/headless/lib-headless/xterm-headless.mjs' } },
  worker: { format: 'es' },
  build: {
    // No data: URLs: the page's Content-Security-Policy allows its own files alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: {
    // `npm run dev` shows the page as it is edited, on the API of a running `errand local`,
    // which answers its own Host and Origin alone.
    proxy: {
      '/api': {
        target: process.env['ERRAND_SERVER'] ?? 'http://127.0.0.1:8080',
        changeOrigin: true,
        configure: (proxy) => proxy.on('proxyReq', (request) => request.removeHeader('Origin')),
      },
    },
  },
})
