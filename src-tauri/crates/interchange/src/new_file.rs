//! Files that appear whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use thiserror::Error;

/// Why a file could not be written. Nothing is left of it.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file system refused.
    #[error("«{}» cannot be written: {source}. Choose another place, or make room.", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The form has no room for it.
    #[error("«{}» cannot hold this: {message}", path.display())]
    DoesNotFit {
        /// The file.
        path: PathBuf,
        /// What does not fit, and what to do.
        message: String,
    },
}

/// A file under way: beside its place, and put there by [`NewFile::finish`].
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl NewFile {
    pub(crate) fn create(path: &Path) -> Result<Self, WriteError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // What any new file of this user has: the umask still counts.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder.prefix(".twinscope-").tempfile_in(folder);
        let file = file.map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write_all(bytes).map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(&self, source: io::Error) -> WriteError {
        WriteError::Io { path: self.path.clone(), source }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn inner(&mut self) -> &mut impl Write {
        &mut self.file
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> Result<PathBuf, WriteError> {
        let Self { path, file } = self;
        let failed = |source| WriteError::Io { path: path.clone(), source };
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
