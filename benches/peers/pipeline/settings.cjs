// Node-RED as it runs in `make bench-pipeline`: no editor, nothing kept, warnings only.
module.exports = {
  httpAdminRoot: false,
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.HTTP_PORT),
  flowFile: "flows.json",
  credentialSecret: false,
  diagnostics: { enabled: false, ui: false },
  runtimeState: { enabled: false, ui: false },
  telemetry: { enabled: false },
  logging: { console: { level: "warn" } },
};
