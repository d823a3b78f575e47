//! One program at a time on a data folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use crate::JournalError;
#[cfg(unix)]
use crate::sqlite::database;

/// The lock on a folder; the operating system releases it when the process ends, however it ends.
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self, JournalError> {
        let not_writable = |source| JournalError::NotWritable {
            folder: folder.to_owned(),
            source: Arc::new(source),
        };
        create_private(folder).map_err(not_writable)?;
        keep_private(folder).map_err(not_writable)?;
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
/// other users.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Takes what is kept in a folder from the machine's other users: it may have been made before this
/// was done, or by hand. The folder too, where it is a data folder already and no place that others
/// are meant to write to.
#[cfg(unix)]
fn keep_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    /// As `/tmp` has them.
    const OTHERS_WRITE: u32 = 0o1002;
    let database = database(folder);
    let mode = std::fs::metadata(folder)?.permissions().mode();
    if database.exists() && mode & OTHERS_WRITE == 0 {
        close(folder, 0o700)?;
    }
    for file in [folder.join("lock"), database.clone()] {
        // Made here, so that nobody reads them before they are closed. SQLite's journal has the mode of
        // the database; the log is made so.
        OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    }
    let all = ["lock"].into_iter().chain(crate::FILES).map(|name| folder.join(name));
    all.filter(|file| file.exists()).try_for_each(|file| close(&file, 0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Takes the rights of others away.
#[cfg(unix)]
fn close(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let now = std::fs::metadata(path)?.permissions().mode();
    if now & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
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

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn modes(folder: &Path) -> Vec<u32> {
        let journal = crate::Journal::open(folder, crate::Options::default()).unwrap();
        journal.stream("s").unwrap();
        let files = ["lock", "journal.db", "journal.log-0"];
        files.iter().map(|file| mode(&folder.join(file))).collect()
    }

    #[test]
    fn a_data_folder_is_its_owners_however_it_was_left() {
        let outer = tempfile::tempdir().unwrap();
        let new = outer.path().join("data").join("deep");
        assert_eq!(modes(&new), [0o600; 3]);
        assert_eq!(mode(&new), 0o700);
        set_mode(&new, 0o755);
        for file in ["lock", "journal.db"] {
            set_mode(&new.join(file), 0o644);
        }
        assert_eq!(modes(&new), [0o600; 3]);
        assert_eq!(mode(&new), 0o700);
    }

    #[test]
    fn of_another_folder_only_what_is_ours_is_closed() {
        let outer = tempfile::tempdir().unwrap();
        let other = outer.path().join("other");
        std::fs::create_dir(&other).unwrap();
        set_mode(&other, 0o755);
        std::fs::write(other.join("notes"), "mine").unwrap();
        set_mode(&other.join("notes"), 0o644);
        assert_eq!(modes(&other), [0o600; 3]);
        assert_eq!((mode(&other), mode(&other.join("notes"))), (0o755, 0o644));
        set_mode(&other, 0o1777);
        assert_eq!(modes(&other), [0o600; 3]);
        assert_eq!(mode(&other), 0o777);
    }
}
