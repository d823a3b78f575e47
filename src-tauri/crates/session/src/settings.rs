//! What the app remembers between starts beside the instances themselves.

use crate::wire::{Credential, Target};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many targets are remembered.
const RECENT: usize = 8;

/// Where the app keeps its own things.
#[derive(Clone, Debug)]
pub struct Folders {
    /// `settings.json`.
    pub config: PathBuf,
    /// One data folder for each workspace or remote instance.
    pub data: PathBuf,
}

impl Folders {
    /// The platform's folders for this user, or below the temporary folder where there is no home.
    pub fn of_user() -> Self {
        match directories::ProjectDirs::from("dev", "twinscope", "twinscope") {
            Some(dirs) => {
                Self { config: dirs.config_dir().into(), data: dirs.data_local_dir().into() }
            }
            None => {
                let base = std::env::temp_dir().join("twinscope");
                Self { config: base.join("config"), data: base.join("data") }
            }
        }
    }

    /// The data folder of what is opened: named for people, and by a hash of the whole path so
    /// that two workspaces of one name do not meet.
    pub fn data_of(&self, target: &Target) -> PathBuf {
        let name = match target {
            Target::Sample => "sample".to_owned(),
            Target::Workspace { path } => {
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
                named("workspace", &path.to_string_lossy())
            }
            Target::Files { paths } => {
                let whole = |path: &String| {
                    let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
                    path.to_string_lossy().into_owned()
                };
                // In any order they are the same files.
                let mut paths: Vec<_> = paths.iter().map(whole).collect();
                paths.sort_unstable();
                named("files", &paths.join("\n"))
            }
            Target::Remote { endpoint, .. } => named("remote", endpoint.trim_end_matches('/')),
        };
        self.data.join(name)
    }
}

fn named(kind: &str, whole: &str) -> String {
    let last = whole.rsplit(['/', '\\']).next().unwrap_or_default();
    let tame = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let short: String = last.chars().take(32).map(tame).collect();
    let hash = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, whole.as_bytes());
    format!("{kind}-{short}-{}", &hash.simple().to_string()[..12])
}

/// `settings.json`. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// What was opened lately, newest first.
    pub recent: Vec<Target>,
    /// The page's own state.
    pub ui_state: Option<String>,
}

impl Settings {
    /// What was kept; the defaults where nothing was, or where it cannot be read (which is said in
    /// the log).
    pub fn load(folder: &Path) -> Self {
        let path = folder.join("settings.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "the settings cannot be read and start anew");
                Self::default()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the settings cannot be read");
                Self::default()
            }
        }
    }

    /// Keeps them, whole or not at all.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let bytes = serde_json::to_vec_pretty(self)?;
        write_whole(&folder.join("settings.json"), &bytes)
    }

    /// Puts a target at the head of the recent ones, without its secret.
    pub fn remember(&mut self, target: &Target) {
        let target = without_secret(target);
        self.recent.retain(|other| *other != target);
        self.recent.insert(0, target);
        self.recent.truncate(RECENT);
    }
}

fn without_secret(target: &Target) -> Target {
    let mut target = target.clone();
    if let Target::Remote { credential, .. } = &mut target {
        match credential {
            Credential::DeveloperTools => {}
            Credential::ClientSecret { secret, .. } => secret.clear(),
            Credential::Token { token } => token.clear(),
        }
    }
    target
}

/// Writes a file so that a reader sees the old or the new one, never a part.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keeps_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        for credential in [
            Credential::Token { token: "geheim".into() },
            Credential::ClientSecret {
                tenant: "t".into(),
                client: "c".into(),
                secret: "geheim".into(),
            },
        ] {
            settings.remember(&Target::Remote {
                endpoint: "https://x".into(),
                ca: None,
                credential,
            });
        }
        settings.save(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join("settings.json")).unwrap();
        assert!(!text.contains("geheim"));
        assert_eq!(Settings::load(folder.path()), settings);
        assert_eq!(settings.recent.len(), 2);
    }

    #[test]
    fn damaged_settings_start_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), "{").unwrap();
        assert_eq!(Settings::load(folder.path()), Settings::default());
    }
}
