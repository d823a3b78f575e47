//! `connect.json`: where everything listens, for scripts and tests.

use crate::settings::write_whole;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a running process listens. Written by rename once everything listens, mode 0600.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The process.
    pub pid: u32,
    /// The REST data plane.
    pub adt: AdtConnect,
}

/// Where the REST data plane listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdtConnect {
    /// `https://localhost:PORT`.
    pub endpoint: String,
    /// Absolute path of the CA certificate that clients need.
    pub ca: PathBuf,
}

impl Connect {
    /// The file's path in a data folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("connect.json")
    }

    /// What a data folder's file says, if there is one.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(folder)).ok()?).ok()
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let path = Self::path(folder);
        write_whole(&path, &serde_json::to_vec_pretty(self)?)?;
        private(&path)
    }

    /// Takes the file away; a stale one would send clients to nobody.
    pub fn remove(folder: &Path) {
        if let Err(error) = fs::remove_file(Self::path(folder))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a stale connect.json could not be removed");
        }
    }
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}
