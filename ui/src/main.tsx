import { tauriHost } from "./host/tauri";
import { mount } from "./window/mount";

mount(tauriHost);
