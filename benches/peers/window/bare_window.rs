//! A bare Tauri window with an empty page: what the desktop's start and memory are measured
//! beside.

/// Opens the window and says when its page is loaded.
#[allow(clippy::print_stdout)]
fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .on_page_load(|_, load| {
            if load.event() == tauri::webview::PageLoadEvent::Finished {
                println!("first drawing");
            }
        })
        .run(tauri::generate_context!("benches/peers/window/tauri.conf.json"))
}
