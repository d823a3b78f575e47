//! Secrets by name: connection strings, keys, SAS URLs, which a workspace only names.
//!
//! They are in `secrets.json` of the data folder, which nobody but the user can read (mode 0600),
//! written by rename. Not in the system's keyring: the kernel's forgets at every restart, the
//! Secret Service is not there without a desktop session, and an instance must come up by itself.

use crate::tls::{TlsError, keep_private, read_if_there, write};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use thiserror::Error;

/// Longer ones are refused.
const MOST_BYTES: usize = 64 * 1024;
/// Names have at most so many characters.
const LONGEST_NAME: usize = 127;

/// Why a secret cannot be had or kept.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read or written.
    #[error("Secrets are kept in «{}», which cannot be {doing}: {source}. Check the folder's rights and free space.", path.display())]
    File {
        /// `read`, `written` …
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("«{}» is not readable as secrets ({reason}). Mend it, or remove it and set the secrets again.", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where it is wrong; nothing of what is in it.
        reason: String,
    },
    /// Not a name.
    #[error(
        "«{0}» is no name of a secret: 1 to 127 letters, digits, «-», «_» or «.». The secret itself is not part of the name."
    )]
    Name(String),
    /// Not a secret.
    #[error("A secret has 1 to 65536 bytes; this has {0}.")]
    Length(usize),
}

/// The secrets of a data folder. Several processes may have it open: each sees what the others
/// keep.
pub struct Secrets {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read last, and from which state of the file.
#[derive(Default)]
struct Read {
    state: Option<(SystemTime, u64)>,
    secrets: BTreeMap<String, String>,
}

impl Secrets {
    /// Those of a data folder, which may have none yet.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join("secrets.json"), read: Mutex::default() }
    }

    /// A secret by its name.
    ///
    /// # Errors
    /// [`SecretError::File`], [`SecretError::Damaged`].
    pub fn get(&self, name: &str) -> Result<Option<String>, SecretError> {
        let mut read = self.read.lock();
        self.refresh(&mut read)?;
        Ok(read.secrets.get(name).cloned())
    }

    /// All names, in order.
    ///
    /// # Errors
    /// As [`Secrets::get`].
    pub fn names(&self) -> Result<Vec<String>, SecretError> {
        let mut read = self.read.lock();
        self.refresh(&mut read)?;
        Ok(read.secrets.keys().cloned().collect())
    }

    /// Where they are.
    pub fn kept_in(&self) -> &Path {
        &self.path
    }

    /// Keeps a secret in place of the one of that name, or forgets that; whether there was one.
    ///
    /// # Errors
    /// [`SecretError::Name`], [`SecretError::Length`], and as [`Secrets::get`].
    pub fn keep(&self, name: &str, secret: Option<&str>) -> Result<bool, SecretError> {
        if !is_name(name) {
            return Err(SecretError::Name(name.to_owned()));
        }
        if let Some(secret) = secret.filter(|s| s.is_empty() || s.len() > MOST_BYTES) {
            return Err(SecretError::Length(secret.len()));
        }
        self.change(|secrets| match secret {
            Some(secret) => secrets.insert(name.to_owned(), secret.to_owned()).is_some(),
            None => secrets.remove(name).is_some(),
        })
    }

    /// Keeps several at once, and forgets others: all of it or nothing.
    ///
    /// # Errors
    /// As [`Secrets::keep`].
    pub fn keep_all(
        &self,
        all: &BTreeMap<String, String>,
        forget: &BTreeSet<String>,
    ) -> Result<(), SecretError> {
        if let Some(name) = all.keys().find(|name| !is_name(name)) {
            return Err(SecretError::Name(name.to_owned()));
        }
        let length =
            all.values().map(String::len).find(|length| !(1..=MOST_BYTES).contains(length));
        if let Some(length) = length {
            return Err(SecretError::Length(length));
        }
        self.change(|secrets| {
            secrets.retain(|name, _| !forget.contains(name));
            secrets.extend(all.iter().map(|(name, secret)| (name.clone(), secret.clone())));
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, String>) -> T,
    ) -> Result<T, SecretError> {
        let mut read = self.read.lock();
        // Held until the file is written, so that nobody's change is lost.
        let _only_one = self.lock()?;
        self.refresh(&mut read)?;
        let mut secrets = read.secrets.clone();
        let answer = change(&mut secrets);
        if secrets == read.secrets {
            return Ok(answer);
        }
        let text = serde_json::to_vec_pretty(&secrets).unwrap_or_default();
        write(&self.path, &text, true).map_err(|error| self.failed(error))?;
        *read = Read { state: self.state()?, secrets };
        Ok(answer)
    }

    /// Reads the file where it is not as it was.
    fn refresh(&self, read: &mut Read) -> Result<(), SecretError> {
        let state = self.state()?;
        if state == read.state {
            return Ok(());
        }
        let secrets = match read_if_there(&self.path).map_err(|error| self.failed(error))? {
            Some(text) => {
                keep_private(&self.path).map_err(|error| self.failed(error))?;
                serde_json::from_str(&text).map_err(|error| self.damaged(&error))?
            }
            None => BTreeMap::new(),
        };
        *read = Read { state, secrets };
        Ok(())
    }

    fn state(&self) -> Result<Option<(SystemTime, u64)>, SecretError> {
        match fs::metadata(&self.path) {
            Ok(file) => Ok(Some((file.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.file("read", source)),
        }
    }

    fn lock(&self) -> Result<File, SecretError> {
        let path = self.path.with_extension("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| self.file("locked", source))?;
        file.lock().map_err(|source| self.file("locked", source))?;
        Ok(file)
    }

    /// Says the line and column only: the text around has secrets in it.
    fn damaged(&self, error: &serde_json::Error) -> SecretError {
        let reason = format!("line {}, column {}", error.line(), error.column());
        SecretError::Damaged { path: self.path.clone(), reason }
    }

    fn file(&self, doing: &'static str, source: io::Error) -> SecretError {
        SecretError::File { doing, path: self.path.clone(), source }
    }

    fn failed(&self, error: TlsError) -> SecretError {
        match error {
            TlsError::File { doing, source, .. } => self.file(doing, source),
            other => self.file("written", io::Error::other(other.to_string())),
        }
    }
}

/// Whether a secret can be kept under it.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn are_kept_changed_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path());
        assert_eq!(secrets.names().unwrap(), Vec::<String>::new());
        assert!(!secrets.keep("hub", None).unwrap());
        assert!(!secrets.keep("hub", Some("one")).unwrap());
        secrets.keep("a.b-c_1", Some("two")).unwrap();
        assert!(secrets.keep("hub", Some("three")).unwrap());
        let again = Secrets::of(folder.path());
        assert_eq!(again.names().unwrap(), ["a.b-c_1", "hub"]);
        assert_eq!(again.get("hub").unwrap().as_deref(), Some("three"));
        assert!(again.keep("hub", None).unwrap());
        // The other one sees it.
        assert_eq!(secrets.get("hub").unwrap(), None);
    }

    #[test]
    fn two_who_keep_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |who: &str| {
            let secrets = Secrets::of(folder.path());
            (0..20).for_each(|n| {
                let name = format!("{who}{n}");
                secrets.keep(&name, Some("secret")).unwrap();
            });
        };
        std::thread::scope(|scope| {
            scope.spawn(|| keep("a"));
            scope.spawn(|| keep("b"));
        });
        assert_eq!(Secrets::of(folder.path()).names().unwrap().len(), 40);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_never_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path());
        for name in ["", "a b", "ä", "a/b", &"n".repeat(128)] {
            assert!(matches!(secrets.keep(name, Some("x")), Err(SecretError::Name(_))), "{name}");
        }
        for secret in ["", &"x".repeat(MOST_BYTES + 1)] {
            assert!(matches!(secrets.keep("name", Some(secret)), Err(SecretError::Length(_))));
        }
        fs::write(folder.path().join("secrets.json"), "{\"name\": \"hush\", 1}").unwrap();
        let error = secrets.get("name").unwrap_err().to_string();
        assert!(error.contains("line 1") && !error.contains("hush"), "{error}");
        assert!(secrets.keep("other", Some("x")).is_err());
        let left = fs::read_to_string(folder.path().join("secrets.json")).unwrap();
        assert!(left.contains("hush"), "what cannot be read is left alone");
    }

    #[test]
    #[cfg(unix)]
    fn the_file_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path());
        secrets.keep("hub", Some("one")).unwrap();
        let path = folder.path().join("secrets.json");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Secrets::of(folder.path()).get("hub").unwrap();
        assert_eq!(mode(), 0o600);
    }
}
