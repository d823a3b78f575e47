import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // The shell's CSP has no `data:` for scripts, and Safari 15 is the oldest web view of Tauri 2.
  build: { target: "safari16", assetsInlineLimit: 0, chunkSizeWarningLimit: 1200 },
  server: { host: "localhost", port: 5173, strictPort: true },
  test: {
    testTimeout: 60_000,
    hookTimeout: 90_000,
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
  },
});
