//! What waits for endpoints of 2019 and is in no feed: a stream of the journal for each.

use journal::{Journal, JournalError, Retention, StreamId};
use parking_lot::Mutex;
use pipeline::{Backlog, Durable};
use std::collections::BTreeMap;

/// What an endpoint is done with stays in its stream until this many bytes are there.
const KEPT: Retention = Retention { max_age: None, max_bytes: Some(64 << 20) };
const AT_ONCE: usize = 4_096;

/// The backlogs of all endpoints of 2019.
pub(super) struct JournalBacklog {
    journal: Journal,
    streams: Mutex<BTreeMap<String, StreamId>>,
}

impl JournalBacklog {
    pub(super) fn new(journal: &Journal) -> Self {
        Self { journal: journal.clone(), streams: Mutex::default() }
    }

    /// The stream of an endpoint; one that is new waits for a commit.
    fn stream(&self, endpoint: &str) -> Result<StreamId, JournalError> {
        let mut streams = self.streams.lock();
        if let Some(stream) = streams.get(endpoint) {
            return Ok(*stream);
        }
        let stream = self.journal.stream(&format!("endpoints2019/{endpoint}"))?;
        self.journal.set_retention(stream, KEPT);
        streams.insert(endpoint.to_owned(), stream);
        Ok(stream)
    }

    fn read(&self, endpoint: &str) -> Result<Vec<Vec<u8>>, JournalError> {
        let stream = self.stream(endpoint)?;
        let (mut all, mut from) = (Vec::new(), self.journal.first(stream));
        loop {
            let records = self.journal.read(stream, from, AT_ONCE)?;
            let Some(last) = records.last() else { return Ok(all) };
            from = last.position + 1;
            all.extend(records.into_iter().map(|record| record.payload));
        }
    }
}

impl Backlog for JournalBacklog {
    fn load(&self, endpoint: &str) -> Vec<Vec<u8>> {
        self.read(endpoint).unwrap_or_else(|error| {
            tracing::error!(%error, endpoint, "what waited for an endpoint cannot be read");
            Vec::new()
        })
    }

    fn append(&self, endpoint: &str, record: Vec<u8>) -> Durable {
        let (done, answer) = tokio::sync::oneshot::channel();
        match self.stream(endpoint) {
            Ok(stream) => {
                let append = self.journal.append(stream, vec![record]);
                append.on_done(move |kept| drop(done.send(kept.map(drop))));
            }
            Err(error) => drop(done.send(Err(error))),
        }
        Box::pin(async move {
            let kept = answer.await.unwrap_or(Err(JournalError::Closed));
            kept.map_err(|error| format!("The event waits in memory only: {error}"))
        })
    }

    fn forget(&self, endpoint: &str) {
        if let Ok(stream) = self.stream(endpoint) {
            self.journal.trim(stream, self.journal.head(stream) + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn is_there_after_a_start_and_gone_with_its_endpoint() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), journal::Options::default()).unwrap();
        let backlog = JournalBacklog::new(&journal);
        assert!(backlog.load("one").is_empty());
        let all: Vec<_> = (0..AT_ONCE + 10).map(|number| number.to_le_bytes().to_vec()).collect();
        let kept: Vec<_> = all.iter().map(|record| backlog.append("one", record.clone())).collect();
        for kept in kept {
            kept.await.unwrap();
        }
        backlog.append("other", vec![7]).await.unwrap();
        let again = JournalBacklog::new(&journal);
        assert_eq!(again.load("one"), all);
        again.forget("one");
        tokio::time::timeout(Duration::from_secs(10), async {
            while !again.load("one").is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(again.load("other"), [[7]]);
    }
}
