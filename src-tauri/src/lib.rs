//! The desktop shell: the window, and the one door from the page to the backend.

use session::wire::{Answer, Request};
use session::{Explorer, Folders};
use std::sync::Arc;
use std::time::Instant;
use tauri::ipc::{InvokeResponseBody, IpcResponse};
use tauri::{Manager, RunEvent, State};
use tracing_subscriber::EnvFilter;

/// An answer on its way to the page: JSON as such, columns as the bytes that they are.
struct Sent(Answer);

impl IpcResponse for Sent {
    fn body(self) -> tauri::Result<InvokeResponseBody> {
        match self.0 {
            Answer::Response(response) => response.body(),
            Answer::Columns(message) => Ok(InvokeResponseBody::Raw(message)),
        }
    }
}

/// The one door: everything that the page asks goes through here.
#[tauri::command]
async fn call(explorer: State<'_, Arc<Explorer>>, request: Request) -> Result<Sent, ()> {
    Ok(Sent(explorer.inner().clone().answer(request).await))
}

/// Opens the window on what was open last, or on the sample, and runs until it is closed.
///
/// # Errors
/// Where there is no display or no web view.
pub fn run() -> tauri::Result<()> {
    let started = Instant::now();
    let filter = EnvFilter::try_from_env("TWINSCOPE_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let explorer = Explorer::new(Folders::of_user());
    report_first_drawing(&explorer, started);
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .manage(explorer.clone())
        .invoke_handler(tauri::generate_handler![call])
        .setup(move |_| {
            // Opening goes on while the web view starts.
            let target = explorer.last_target();
            tauri::async_runtime::block_on(async { explorer.open(target) });
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        if let RunEvent::Exit = event {
            let explorer = app.state::<Arc<Explorer>>().inner().clone();
            tauri::async_runtime::block_on(explorer.close());
        }
    });
    Ok(())
}

/// For `make bench`: with `TWINSCOPE_REPORT_START` in the environment, says on standard output how
/// long it took from the process's start until the page had drawn its first graph.
#[allow(clippy::print_stdout)]
fn report_first_drawing(explorer: &Arc<Explorer>, started: Instant) {
    if std::env::var_os("TWINSCOPE_REPORT_START").is_some() {
        explorer.on_first_drawing(move || {
            println!("first drawing after {} ms", started.elapsed().as_millis());
        });
    }
}
