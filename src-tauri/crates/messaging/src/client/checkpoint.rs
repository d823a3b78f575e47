//! Checkpoints: how far a consumer group has come in each partition.

use super::{ClientError, Code};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How far a group has come in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The consumer group.
    pub group: String,
    /// The partition's id.
    pub partition: String,
    /// The offset of the last event that is done.
    pub offset: String,
    /// Its sequence number.
    pub sequence_number: i64,
}

/// Where checkpoints are kept.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// The last checkpoint of a group in a partition.
    ///
    /// # Errors
    /// Where the store cannot be read.
    async fn load(
        &self,
        hub: &str,
        group: &str,
        partition: &str,
    ) -> Result<Option<Checkpoint>, ClientError>;

    /// Keeps a checkpoint in place of the last one.
    ///
    /// # Errors
    /// Where it cannot be kept.
    async fn save(&self, hub: &str, checkpoint: Checkpoint) -> Result<(), ClientError>;
}

/// Checkpoints in a JSON file, which is replaced as a whole. One process may use it at a time.
#[derive(Clone, Debug)]
pub struct FileCheckpoints {
    file: PathBuf,
    /// One change at a time.
    changing: Arc<Mutex<()>>,
}

/// By hub, group and partition.
type Kept = BTreeMap<String, Checkpoint>;

impl FileCheckpoints {
    /// In this file, which need not be there yet; its folder must.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), changing: Arc::default() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ClientError> {
        let file = self.file.clone();
        let place = file.display().to_string();
        let failed = |text: String| ClientError::new(Code::Settings, place, text);
        match tokio::task::spawn_blocking(move || work(&file)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("the program is ending".into())),
        }
    }
}

fn key(hub: &str, group: &str, partition: &str) -> String {
    [hub, group, partition].map(str::to_ascii_lowercase).join("/")
}

fn read(file: &Path) -> std::io::Result<Kept> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::new()),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl CheckpointStore for FileCheckpoints {
    async fn load(
        &self,
        hub: &str,
        group: &str,
        partition: &str,
    ) -> Result<Option<Checkpoint>, ClientError> {
        let key = key(hub, group, partition);
        self.blocking(move |file| Ok(read(file)?.remove(&key))).await
    }

    async fn save(&self, hub: &str, checkpoint: Checkpoint) -> Result<(), ClientError> {
        let _changing = self.changing.lock().await;
        let key = key(hub, &checkpoint.group, &checkpoint.partition);
        self.blocking(move |file| {
            let mut kept = read(file)?;
            kept.insert(key, checkpoint);
            let beside = file.with_extension("new");
            let mut new = std::fs::File::create(&beside)?;
            new.write_all(&serde_json::to_vec_pretty(&kept)?)?;
            new.sync_all()?;
            std::fs::rename(&beside, file)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn the_last_of_each_partition_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileCheckpoints::new(folder.path().join("checkpoints.json"));
        assert_eq!(store.load("hub", "g", "0").await.unwrap(), None);
        let at = |partition: &str, number: i64| Checkpoint {
            group: "g".into(),
            partition: partition.into(),
            offset: (number * 100).to_string(),
            sequence_number: number,
        };
        for checkpoint in [at("0", 1), at("1", 5), at("0", 2)] {
            store.save("hub", checkpoint).await.unwrap();
        }
        let again = FileCheckpoints::new(folder.path().join("checkpoints.json"));
        assert_eq!(again.load("HUB", "g", "0").await.unwrap(), Some(at("0", 2)));
        assert_eq!(again.load("hub", "other", "0").await.unwrap(), None);
        std::fs::write(folder.path().join("checkpoints.json"), "{").unwrap();
        assert_eq!(again.load("hub", "g", "0").await.unwrap_err().code, Code::Settings);
        let nowhere = FileCheckpoints::new(folder.path().join("none/checkpoints.json"));
        assert!(nowhere.save("hub", at("0", 1)).await.is_err());
    }
}
