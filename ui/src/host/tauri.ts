import { invoke } from "@tauri-apps/api/core";
import { open } from "@tauri-apps/plugin-dialog";
import { decodeGraphMessage } from "../wire/GraphMessage";
import { decodePropertyMessage } from "../wire/PropertyMessage";
import type { Response } from "../wire/Response";
import type { Host } from "./host";

/** The host inside the desktop shell. */
export const tauriHost: Host = {
  call: async (request) => {
    const answer = await invoke<Response | ArrayBuffer>("call", { request });
    if (!(answer instanceof ArrayBuffer)) return answer;
    return request.type === "property"
      ? { type: "property", ...decodePropertyMessage(answer) }
      : { type: "graph", ...decodeGraphMessage(answer) };
  },
  pickFolder: (title) => open({ title, directory: true }),
  pickFile: (title, extensions) =>
    open({ title, filters: [{ name: extensions.join(", "), extensions }] }),
};
