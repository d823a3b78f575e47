//! `ca-bundle.pem`: the authorities that this machine trusts, and ours.
//!
//! `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE` replace what a program trusts. With our CA alone in
//! them, a script could read twins and nothing else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "ca-bundle.pem";
/// Variables by which a user named a bundle of their own (a company's proxy, say).
const NAMED: [&str; 2] = ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
/// Where systems keep theirs: Debian, Fedora, openSUSE, Alpine and macOS.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const MARK: &str = "# Twinscope's own, after all that this machine trusts.";

/// Writes the bundle into the data folder and answers its path; or the path of `ca` itself where
/// this machine has no bundle to add to, which is said.
pub fn write(folder: &Path, ca: &Path) -> Result<PathBuf, String> {
    let own = fs::read_to_string(ca).map_err(|error| format!("{}: {error}", ca.display()))?;
    let Some(trusted) = candidates().into_iter().find_map(|path| read(&path)) else {
        crate::say(
            "No bundle of this machine's authorities was found: in this shell, Python and OpenSSL trust Twinscope's CA only.",
        );
        return Ok(ca.to_owned());
    };
    let path = folder.join(NAME);
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&unfinished, joined(&trusted, &own))
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(|error| format!("«{}» cannot be written: {error}.", path.display()))?;
    Ok(path)
}

/// Where to look, best first.
fn candidates() -> Vec<PathBuf> {
    let named = NAMED.iter().filter_map(env::var_os).map(PathBuf::from);
    let mut found: Vec<_> = named.chain(SYSTEM.iter().map(PathBuf::from)).collect();
    if !found.iter().any(|path| path.is_file()) {
        found.extend(of_python());
    }
    found
}

/// The authorities of a bundle; of one that we wrote, only what it began with, so that
/// `twinscope env` in its own shell adds nothing twice.
fn read(path: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
    let trusted = text.split(MARK).next().unwrap_or_default();
    trusted.contains("BEGIN CERTIFICATE").then(|| trusted.trim_end().to_owned())
}

/// What Python's `requests` trusts by itself: the last resort, on Windows mostly.
fn of_python() -> Option<PathBuf> {
    let ask = |python| {
        let mut asked = Command::new(python);
        asked.args(["-c", "import certifi; print(certifi.where())"]);
        let answer = asked.output().ok().filter(|answer| answer.status.success())?;
        Some(PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim()))
    };
    ["python3", "python"].into_iter().find_map(ask)
}

fn joined(trusted: &str, own: &str) -> String {
    format!("{trusted}\n{MARK}\n{own}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TRUSTED: &str = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----";

    #[test]
    fn a_bundle_of_ours_is_read_without_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, joined(TRUSTED, "-----BEGIN CERTIFICATE-----\nOURS\n")).unwrap();
        assert_eq!(read(&path).unwrap(), TRUSTED);
        fs::write(&path, TRUSTED).unwrap();
        assert_eq!(read(&path).unwrap(), TRUSTED);
    }

    #[test]
    fn what_is_no_bundle_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other");
        assert_eq!(read(&path), None);
        fs::write(&path, "nothing of the kind").unwrap();
        assert_eq!(read(&path), None);
    }
}
