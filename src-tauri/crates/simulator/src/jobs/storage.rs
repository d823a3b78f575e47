//! Where a job reads and writes: a blob by its SAS address, or a local file.

use super::refused;
use adt_service::{Code, ServiceError};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use std::path::PathBuf;
use std::time::Duration;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// The longest silence of a storage.
const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// The longest line: a model of 1 MiB, and something around it.
const LINE: usize = 2 * 1024 * 1024;
/// The most that is read: well above two million twins.
const WHOLE: u64 = 8 * 1024 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// An address that was understood.
pub(super) enum Place {
    Blob(Url),
    File(PathBuf),
}

impl Place {
    pub(super) fn parse(address: &str, local_files: bool) -> Result<Self, ServiceError> {
        // The service's words first (recorded traffic), where there is a storage for it to name.
        let wrong = || {
            let shown: String =
                address.split('?').next().unwrap_or_default().chars().take(200).collect();
            ServiceError::new(
                Code::InvalidArgument,
                format!(
                    "Azure Storage Blob URI '{shown}' failed validation. Invalid URI: The format of the URI could not be determined. Give https:// or http:// of a blob, with its SAS token, or file:// of a local file."
                ),
            )
        };
        let url = Url::parse(address).map_err(|_| wrong())?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Blob(url)),
            "file" if !local_files => Err(refused(
                "Files of this machine are not read or written for others: the instance listens beyond it. Give the address of a blob.",
            )),
            "file" => Ok(Self::File(url.to_file_path().map_err(|()| wrong())?)),
            _ => Err(wrong()),
        }
    }

    /// Begins to read.
    pub(super) async fn lines(&self) -> Result<Lines, String> {
        let source = match self {
            Self::File(path) => {
                let opened = File::open(path).await;
                Source::File(
                    opened.map_err(|error| format!("The input cannot be opened: {error}."))?,
                )
            }
            Self::Blob(url) => Source::Blob(get(url).await?),
        };
        Ok(Lines { source, buffer: Vec::new(), read: 0, ended: false })
    }

    /// Writes the output log. A file must not be there yet, so that none is lost.
    pub(super) async fn write(&self, log: Vec<u8>) -> Result<(), String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("The output log cannot be written: {error}.");
        match self {
            Self::File(path) => {
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(path)
                    .await
                    .map_err(|e| failed(&e))?;
                file.write_all(&log).await.map_err(|error| failed(&error))?;
                file.sync_all().await.map_err(|error| failed(&error))
            }
            Self::Blob(url) => {
                let request = client()?.put(url.clone()).header("x-ms-blob-type", "BlockBlob");
                let answer = request.body(log).timeout(2 * SILENCE).send().await;
                let answer = answer.map_err(|error| failed(&error.without_url()))?;
                let status = answer.status();
                if status.is_success() {
                    Ok(())
                } else {
                    Err(failed(&format!("the storage answered {status}")))
                }
            }
        }
    }
}

fn client() -> Result<Client, String> {
    // A redirect would lead where the caller did not say.
    let client =
        Client::builder().redirect(Policy::none()).connect_timeout(SILENCE).read_timeout(SILENCE);
    client.build().map_err(|error| format!("No connection can be set up: {error}."))
}

async fn get(url: &Url) -> Result<Response, String> {
    // The address may hold a SAS token, so that it is in no message.
    let answer = client()?.get(url.clone()).send().await;
    let answer =
        answer.map_err(|error| format!("The input cannot be read: {}.", error.without_url()))?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        status => Err(format!("The input cannot be read: the storage answered {status}.")),
    }
}

enum Source {
    File(File),
    Blob(Response),
}

/// The input, line by line, in bounded memory.
pub(super) struct Lines {
    source: Source,
    buffer: Vec<u8>,
    read: u64,
    ended: bool,
}

impl Lines {
    /// The next line without its end; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(searched + end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                return Ok(Some(line));
            }
            if self.ended {
                let line = std::mem::take(&mut self.buffer);
                return Ok((!line.is_empty()).then_some(line));
            }
            searched = self.buffer.len();
            if searched > LINE {
                return Err(format!(
                    "A line of the input is longer than {} MiB.",
                    LINE / (1024 * 1024)
                ));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("The input broke off: {error}.");
        let before = self.buffer.len();
        match &mut self.source {
            Source::File(file) => {
                self.buffer.resize(before + CHUNK, 0);
                let count =
                    file.read(&mut self.buffer[before..]).await.map_err(|error| failed(&error))?;
                self.buffer.truncate(before + count);
            }
            Source::Blob(response) => {
                let chunk = timeout(SILENCE, response.chunk()).await;
                let chunk = chunk
                    .map_err(|_| failed(&format!("nothing came for {} s", SILENCE.as_secs())))?;
                let chunk = chunk.map_err(|error| failed(&error.without_url()))?;
                self.buffer.extend_from_slice(&chunk.unwrap_or_default());
            }
        }
        let count = (self.buffer.len() - before) as u64;
        self.ended = count == 0;
        self.read += count;
        if self.read > WHOLE { Err("The input is larger than 8 GiB.".into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A storage that answers `said` to the first request, then nothing more.
    fn storage(said: &'static str) -> Place {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address =
            format!("http://{}/container/blob?sig=secret", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(said.as_bytes());
            // Until the other side has had enough.
            let _ = connection.read(&mut [0; 1]);
        });
        Place::parse(&address, false).unwrap()
    }

    #[tokio::test]
    async fn a_storage_that_hangs_is_given_up() {
        for (said, words) in [
            ("", "The input cannot be read"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf a line", "The input broke off"),
        ] {
            let read = async { storage(said).lines().await?.next().await.map(drop) };
            let error = timeout(10 * SILENCE, read).await.unwrap().unwrap_err();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
    }
}
