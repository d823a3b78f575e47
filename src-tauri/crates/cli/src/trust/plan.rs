//! What to run on which system. Everything is a command that a person could run.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

const DEBIAN_FOLDER: &str = "/usr/local/share/ca-certificates";

/// A kind of trust store. Debian's is tested; the others are written from their manuals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// `update-ca-certificates`: Debian, Ubuntu, Alpine.
    Debian,
    /// p11-kit's `trust`: Fedora, RHEL, Arch, openSUSE.
    P11Kit,
    /// The user's login keychain.
    MacOs,
    /// The user's root store.
    Windows,
}

/// One command, and what it does.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub what: &'static str,
    pub program: &'static str,
    pub arguments: Vec<OsString>,
}

impl Store {
    /// The store of the system that this runs on.
    pub fn of_this_machine() -> Result<Self, String> {
        match env::consts::OS {
            "macos" => Ok(Self::MacOs),
            "windows" => Ok(Self::Windows),
            _ if Path::new(DEBIAN_FOLDER).is_dir() && has("update-ca-certificates") => {
                Ok(Self::Debian)
            }
            _ if has("trust") => Ok(Self::P11Kit),
            _ => Err("Neither update-ca-certificates (package ca-certificates) nor trust (p11-kit) is here. Install one of them.".into()),
        }
    }

    /// Whether the store is the whole machine's.
    pub fn needs_root(self) -> bool {
        matches!(self, Self::Debian | Self::P11Kit)
    }

    /// Steps that make the machine trust the CA of a data folder.
    pub fn install(self, folder: &Path) -> Vec<Step> {
        let ca = folder.join("ca.pem").into_os_string();
        match self {
            Self::Debian => vec![
                step(
                    "Copy the CA beside the machine's own",
                    "install",
                    ["-m".into(), "644".into(), ca, debian_file(folder).into()],
                ),
                step("Take it up in the trust store", "update-ca-certificates", []),
            ],
            Self::P11Kit => vec![step(
                "Add the CA to the trust store",
                "trust",
                ["anchor".into(), "--store".into(), ca],
            )],
            Self::MacOs => vec![step(
                "Add the CA to your login keychain",
                "security",
                ["add-trusted-cert".into(), "-r".into(), "trustRoot".into(), ca],
            )],
            Self::Windows => vec![step(
                "Add the CA to your root store",
                "certutil",
                ["-user".into(), "-addstore".into(), "Root".into(), ca],
            )],
        }
    }

    /// Steps that undo [`Store::install`].
    pub fn remove(self, folder: &Path) -> Vec<Step> {
        let ca = folder.join("ca.pem").into_os_string();
        match self {
            Self::Debian => vec![
                step("Delete the copy of the CA", "rm", ["-f".into(), debian_file(folder).into()]),
                step(
                    "Take it out of the trust store",
                    "update-ca-certificates",
                    ["--fresh".into()],
                ),
            ],
            Self::P11Kit => vec![step(
                "Remove the CA from the trust store",
                "trust",
                ["anchor".into(), "--remove".into(), ca],
            )],
            Self::MacOs => {
                vec![step("Trust the CA no longer", "security", ["remove-trusted-cert".into(), ca])]
            }
            // By a part of its name; certutil takes no file here.
            Self::Windows => vec![step(
                "Remove the CAs of Twinscope from your root store",
                "certutil",
                ["-user".into(), "-delstore".into(), "Root".into(), "Twinscope".into()],
            )],
        }
    }
}

/// Two data folders of one name have files of their own.
fn debian_file(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let tame = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().take(40).map(tame).collect();
    let whole = crc32fast::hash(folder.as_os_str().as_encoded_bytes());
    // The tool takes files that end in .crt only.
    Path::new(DEBIAN_FOLDER).join(format!("twinscope-{name}-{whole:08x}.crt"))
}

fn step<const N: usize>(
    what: &'static str,
    program: &'static str,
    arguments: [OsString; N],
) -> Step {
    Step { what, program, arguments: arguments.into() }
}

fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // Administrators' tools are not always on a user's path.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    { folders }.any(|folder| folder.join(program).is_file())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        for argument in &self.arguments {
            let argument = argument.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
            if argument.chars().all(plain) {
                write!(f, " {argument}")?;
            } else {
                write!(f, " '{}'", argument.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(steps: &[Step]) -> Vec<String> {
        steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_store_has_its_commands() {
        let folder = Path::new("/home/o'neil/data");
        let debian = lines(&Store::Debian.install(folder));
        let copy = debian_file(folder).display().to_string();
        assert_eq!(
            debian,
            [
                format!(r"install -m 644 '/home/o'\''neil/data/ca.pem' {copy}"),
                "update-ca-certificates".into()
            ]
        );
        assert_eq!(
            lines(&Store::Debian.remove(folder)),
            [format!("rm -f {copy}"), "update-ca-certificates --fresh".into()]
        );
        let folder = Path::new("/d");
        for (store, install, remove) in [
            (Store::P11Kit, "trust anchor --store /d/ca.pem", "trust anchor --remove /d/ca.pem"),
            (
                Store::MacOs,
                "security add-trusted-cert -r trustRoot /d/ca.pem",
                "security remove-trusted-cert /d/ca.pem",
            ),
            (
                Store::Windows,
                "certutil -user -addstore Root /d/ca.pem",
                "certutil -user -delstore Root Twinscope",
            ),
        ] {
            assert_eq!(lines(&store.install(folder)), [install]);
            assert_eq!(lines(&store.remove(folder)), [remove]);
        }
    }

    #[test]
    fn two_folders_of_one_name_do_not_meet() {
        let one = debian_file(Path::new("/a/data"));
        assert_ne!(one, debian_file(Path::new("/b/data")));
        assert_eq!(one.extension().and_then(|end| end.to_str()), Some("crt"));
    }
}
