import type { Page } from "../store/page";
import { showPanel } from "../window/panels";

/** Opens the event log with what went through a node or wire, the newest first. */
export function showInLog({ flow, log, dock }: Page, id: string): void {
  flow.scopeLog(id);
  log.resume();
  const api = dock.get();
  if (api) showPanel(api, "log");
}
