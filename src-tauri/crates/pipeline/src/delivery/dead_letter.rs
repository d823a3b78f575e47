//! Events that could not be delivered, as blobs:
//! `CONTAINER/ENDPOINT/YYYY/MM/DD/HH/EVENT-ID.json`, each the event as CloudEvents 1.0 JSON.
//!
//! Source of the path and the content: "Route events to endpoints", section "Dead-letter events"
//! (<https://learn.microsoft.com/azure/digital-twins/how-to-create-endpoints>).

use super::numbers::{DEAD_LETTER_ATTEMPTS, Times};
use super::outgoing::Outgoing;
use crate::{DeadLetterSpec, Surroundings};
use futures::{StreamExt, stream};
use reqwest::{Client, Url};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use twin_graph::Timestamp;

/// The version of Blob Storage's REST API that is spoken.
const STORAGE_VERSION: &str = "2021-08-06";
const SCOPE: &str = "https://storage.azure.com/.default";
/// So many blobs are written side by side.
const SIDE_BY_SIDE: usize = 16;
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Where an endpoint's dead letters go.
pub(super) struct DeadLetters {
    spec: DeadLetterSpec,
    endpoint: String,
    surroundings: Arc<dyn Surroundings>,
    times: Times,
    http: Option<Client>,
}

impl DeadLetters {
    pub(super) fn new(
        spec: DeadLetterSpec,
        endpoint: &str,
        surroundings: Arc<dyn Surroundings>,
        times: Times,
    ) -> Self {
        Self { spec, endpoint: endpoint.to_owned(), surroundings, times, http: None }
    }

    /// Writes all of them, and tries again for a while; for each whether it is written. With the
    /// last error, a sentence without secrets.
    pub(super) async fn write(&mut self, events: &[Outgoing]) -> (Vec<bool>, Option<String>) {
        let mut written = vec![false; events.len()];
        let mut last = None;
        for attempt in 1..=DEAD_LETTER_ATTEMPTS {
            match self.write_once(events, &mut written).await {
                Ok(()) => return (written, last),
                Err(error) => last = Some(error),
            }
            if attempt < DEAD_LETTER_ATTEMPTS {
                tokio::time::sleep(self.times.pause(attempt)).await;
            }
        }
        (written, last)
    }

    async fn write_once(
        &mut self,
        events: &[Outgoing],
        written: &mut [bool],
    ) -> Result<(), String> {
        let http = match &self.http {
            Some(http) => http.clone(),
            None => {
                let made = self.surroundings.trust().http().map_err(|error| error.to_string())?;
                self.http.insert(made).clone()
            }
        };
        let (container, token) = self.container().await?;
        let folder = folder(&self.endpoint, SystemTime::now().into());
        let missing = events.iter().enumerate().filter(|(index, _)| !written[*index]);
        let write = |(index, event): (usize, &Outgoing)| {
            let name = format!("{}.json", event.id());
            let url = blob(&container, folder.iter().chain([&name]));
            let written = put(&http, url, token.as_deref(), event.letter());
            async move { (index, written.await) }
        };
        let writes: Vec<_> = missing.map(write).collect();
        let done: Vec<_> = stream::iter(writes).buffer_unordered(SIDE_BY_SIDE).collect().await;
        let mut failed = None;
        for (index, result) in done {
            match result {
                Ok(()) => written[index] = true,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// The container's URL, and a token where the URL does not open it.
    async fn container(&self) -> Result<(Url, Option<String>), String> {
        match &self.spec {
            DeadLetterSpec::Sas(named) => {
                let secret = &named.secret;
                let url = self.surroundings.secret(secret);
                let url = url.ok_or_else(|| crate::no_secret(secret));
                // Not the parser's own words, which could have the signature in them.
                let url = Url::parse(&url?)
                    .map_err(|_| format!("the secret «{secret}» is no SAS URL of a container"))?;
                Ok((url, None))
            }
            DeadLetterSpec::Uri(uri) => {
                let url = Url::parse(uri).map_err(|error| format!("«{uri}»: {error}"))?;
                let identity = self.surroundings.identity()?;
                let token = identity.get_token(&[SCOPE], None).await;
                let token = token.map_err(|error| format!("no token for «{uri}»: {error}"))?;
                Ok((url, Some(token.token.secret().to_owned())))
            }
        }
    }
}

/// The folders of an hour.
fn folder(endpoint: &str, now: Timestamp) -> Vec<String> {
    // 2026-11-21T09:41:…
    let text = now.to_string();
    let parts = [0..4, 5..7, 8..10, 11..13].map(|part| text.get(part).unwrap_or_default());
    std::iter::once(endpoint).chain(parts).map(str::to_owned).collect()
}

fn blob<'a>(container: &Url, names: impl Iterator<Item = &'a String>) -> Url {
    let mut url = container.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(names);
    }
    url
}

async fn put(http: &Client, url: Url, token: Option<&str>, letter: Value) -> Result<(), String> {
    let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
    let mut put = http
        .put(url)
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-version", STORAGE_VERSION)
        .header("content-type", "application/json")
        .timeout(WRITE_WITHIN)
        .body(letter.to_string());
    if let Some(token) = token {
        put = put.bearer_auth(token);
    }
    match put.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("{shown}: the storage answered {}", answer.status())),
        // The error's own words have the URL, and so the signature.
        Err(error) => Err(format!("{shown}: {}", error.without_url())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_blob_is_named_as_documented() {
        let folder = folder("dead ends", "2026-01-02T03:04:05Z".parse().unwrap());
        let container = Url::parse("http://127.0.0.1:1/account/letters?sig=geheim").unwrap();
        let url = blob(&container, folder.iter().chain([&"a/b.json".to_owned()]));
        assert_eq!(url.path(), "/account/letters/dead%20ends/2026/01/02/03/a%2Fb.json");
        assert_eq!(url.query(), Some("sig=geheim"));
    }
}
