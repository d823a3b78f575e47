import { invoke } from "@tauri-apps/api/core";
import { open } from "@tauri-apps/plugin-dialog";
import type { Response } from "../wire/Response";
import type { Host } from "./host";

/** The host inside the desktop shell. */
export const tauriHost: Host = {
  call: (request) => invoke<Response>("call", { request }),
  pickFolder: (title) => open({ title, directory: true }),
  pickFile: (title, extensions) =>
    open({ title, filters: [{ name: extensions.join(", "), extensions }] }),
};
