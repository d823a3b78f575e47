#![allow(missing_docs)]
use adt_service::*;
use std::sync::Arc;
use std::time::Instant;
pub struct Progress {
    pub step: &'static str,
    pub done: u32,
    pub total: Option<u32>,
}
#[derive(Default)]
pub struct SyncOptions {}
pub struct State {
    pub reachable: bool,
    pub last_ok: Instant,
    pub error: Option<String>,
}
pub struct RemoteGraph {
    v: Arc<GraphView>,
}
impl RemoteGraph {
    pub async fn start(
        _: Arc<dyn TwinService>,
        _: SyncOptions,
        _: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Self, ServiceError> {
        Err(ServiceError::new(Code::Other, "x"))
    }
    pub fn view(&self) -> Arc<GraphView> {
        self.v.clone()
    }
    pub fn refresh_soon(&self) {}
    pub async fn stop(&self) {}
    pub fn state(&self) -> State {
        State { reachable: true, last_ok: Instant::now(), error: None }
    }
}
