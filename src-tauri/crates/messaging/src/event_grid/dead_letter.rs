//! Where events go that were given up.

use super::attributes::Attributes;
use super::subscription::DeadLetterSpec;
use crate::iot_hub::rfc3339;
use reqwest::{Client, Url};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const WRITE_WITHIN: Duration = Duration::from_secs(30);
/// The version of Blob Storage's REST API that is spoken.
const STORAGE_VERSION: &str = "2021-08-06";

/// A destination of dead letters.
pub(super) enum DeadLetters {
    Folder(PathBuf),
    Container(Client, String),
}

impl DeadLetters {
    /// `folder`: the data folder's, for those that are kept here.
    pub(super) fn new(spec: &DeadLetterSpec, folder: &Path, http: &Client) -> Self {
        match spec {
            DeadLetterSpec::Folder {} => Self::Folder(folder.to_owned()),
            DeadLetterSpec::StorageBlob { container_url } => {
                Self::Container(http.clone(), container_url.clone())
            }
        }
    }

    /// Writes some events as one blob or file. The error is a sentence without secrets.
    pub(super) async fn write(
        &self,
        topic: &str,
        subscription: &str,
        letters: &[Attributes],
        now: i64,
    ) -> Result<(), String> {
        let bytes = Attributes::array(letters);
        let name = name(topic, subscription, now);
        match self {
            Self::Folder(folder) => {
                let path = folder.join(&name);
                let written = write_file(&path, &bytes).await;
                written.map_err(|error| format!("{}: {error}", path.display()))
            }
            Self::Container(http, container) => put_blob(http, container, &name, bytes).await,
        }
    }
}

/// As the service names them: `topic/SUBSCRIPTION/year/month/day/hour/guid.json`.
fn name(topic: &str, subscription: &str, now: i64) -> String {
    let time = rfc3339(now);
    let date = time.get(..10).unwrap_or("1970-01-01").replace('-', "/");
    let hour = time.get(11..13).unwrap_or("00");
    let id = uuid::Uuid::new_v4();
    format!("{topic}/{}/{date}/{hour}/{id}.json", subscription.to_uppercase())
}

async fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(bytes).await?;
    file.sync_all().await
}

async fn put_blob(
    http: &Client,
    container: &str,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(), String> {
    let mut url = Url::parse(container).map_err(|error| format!("containerUrl: {error}"))?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(name.split('/'));
    }
    let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
    let put = http
        .put(url)
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-version", STORAGE_VERSION)
        .header("content-type", "application/json")
        .timeout(WRITE_WITHIN)
        .body(bytes);
    match put.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{shown}: the storage answered {}", answer.status())),
        // The error's own words have the URL, and so the token.
        Err(error) => Err(format!("{shown}: {}", error.without_url())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_folder_takes_letters_under_the_services_names() {
        let folder = tempfile::tempdir().unwrap();
        let letters = DeadLetters::Folder(folder.path().to_owned());
        let letter = serde_json::from_str(r#"{"id":"1"}"#).unwrap();
        letters.write("top", "sub", &[letter], 1_700_000_000_000).await.unwrap();
        let hour = folder.path().join("top/SUB/2023/11/14/22");
        let file = std::fs::read_dir(hour).unwrap().next().unwrap().unwrap().path();
        assert_eq!(std::fs::read_to_string(file).unwrap(), r#"[{"id":"1"}]"#);
        let nowhere = DeadLetters::Folder("/dev/null/x".into());
        assert!(nowhere.write("t", "s", &[], 0).await.unwrap_err().contains("/dev/null"));
    }
}
