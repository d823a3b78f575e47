import { invoke } from "@tauri-apps/api/core";
import { getCurrentWebview } from "@tauri-apps/api/webview";
import { open, save } from "@tauri-apps/plugin-dialog";
import { decodeGraphMessage } from "../wire/GraphMessage";
import { decodeMatchMessage } from "../wire/MatchMessage";
import { decodePropertyMessage } from "../wire/PropertyMessage";
import type { Response } from "../wire/Response";
import type { Host } from "./host";

/** The host inside the desktop shell. */
export const tauriHost: Host = {
  call: async (request) => {
    const answer = await invoke<Response | ArrayBuffer>("call", { request });
    if (!(answer instanceof ArrayBuffer)) return answer;
    switch (request.type) {
      case "property":
        return { type: "property", ...decodePropertyMessage(answer) };
      case "queryMatches":
      case "matchTwins":
        return { type: "matches", ...decodeMatchMessage(answer) };
      default:
        return { type: "graph", ...decodeGraphMessage(answer) };
    }
  },
  pickFolder: (title) => open({ title, directory: true }),
  pickFile: (title, extensions) =>
    open({ title, filters: [{ name: extensions.join(", "), extensions }] }),
  pickSave: (title, name, extension) =>
    save({ title, defaultPath: name, filters: [{ name: extension, extensions: [extension] }] }),
  pickFiles: (title, extensions) =>
    open({ title, multiple: true, filters: [{ name: extensions.join(", "), extensions }] }),
  onDrag: (listener) => {
    const dragged = getCurrentWebview().onDragDropEvent(({ payload }) => {
      // What is dragged within the page, a panel, has no paths.
      if (payload.type === "enter" && payload.paths.length > 0)
        listener({ kind: "over", paths: payload.paths });
      else if (payload.type === "leave") listener({ kind: "left" });
      else if (payload.type === "drop") listener({ kind: "dropped", paths: payload.paths });
    });
    dragged.catch((error) => console.error("Dropped files are not heard of:", error));
  },
};
