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
        std::fs::create_dir_all(folder).map_err(not_writable)?;
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
