//! One program at a time on a data folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use crate::JournalError;

/// The lock on a folder; the operating system releases it when the process ends, however it ends.
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self, JournalError> {
        let not_writable = |source| JournalError::NotWritable {
            folder: folder.to_owned(),
            source: Arc::new(source),
        };
        create_private(folder).map_err(not_writable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))
            .map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked {
                    pid: read_pid(&mut file),
                    folder: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        write_pid(&mut file).map_err(not_writable)?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Closing is not enough: a child process being started at this moment holds a copy of the
    /// handle, and with it the lock, until it runs its own program.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock on the data folder stays until this process ends");
        }
    }
}

/// Creates a folder that is missing for its owner only: what is kept in it is not for the machine's
/// other users. One that is there keeps the permissions that it was given.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Where locks are mandatory (Windows) a locked file cannot be read; the pid is then unknown.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_folder_is_its_owners_and_an_old_one_stays_as_it_was() {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let outer = tempfile::tempdir().unwrap();
        let new = outer.path().join("data").join("deep");
        drop(Lock::take(&new).unwrap());
        assert_eq!(mode(&new), 0o700);
        let old = outer.path().join("old");
        std::fs::create_dir(&old).unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        drop(Lock::take(&old).unwrap());
        assert_eq!(mode(&old), 0o755);
    }
}
