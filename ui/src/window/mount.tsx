import { createRoot } from "react-dom/client";
import type { Host } from "../host/host";
import { Page } from "../store/page";
import { App } from "./App";
import "../look/tokens.css";
import "../look/fonts.css";
import "../look/base.css";
import "../look/controls.css";
import "./window.css";

/** Puts the page into the document, on a host. */
export function mount(host: Host): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("The document has no #root");
  const page = new Page(host);
  void page.start().then(() => createRoot(root).render(<App page={page} />));
}
