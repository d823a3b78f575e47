//! The secret of a data folder: what the keys of the embedded services are derived from.

use crate::tls::{TlsError, keep_private, read_if_there, write};
use std::path::Path;

/// Reads the data folder's secret (`messaging.key`, mode 0600), or makes one on first start. Without it
/// every key that was ever handed out opens nothing more.
///
/// # Errors
/// Where the file cannot be read or written.
pub(crate) fn open_or_create(folder: &Path) -> Result<String, TlsError> {
    let path = folder.join("messaging.key");
    match read_if_there(&path)? {
        Some(secret) if !secret.trim().is_empty() => {
            keep_private(&path)?;
            Ok(secret.trim().to_owned())
        }
        _ => {
            let secret = messaging::sas::Key::random();
            write(&path, secret.as_bytes(), true)?;
            Ok(secret)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_kept_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let secret = open_or_create(folder.path()).unwrap();
        assert!(secret.len() > 40);
        assert_eq!(open_or_create(folder.path()).unwrap(), secret);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                std::fs::metadata(folder.path().join("messaging.key")).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
        }
    }
}
