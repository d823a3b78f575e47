//! The local certificate authority: what makes `https://localhost` trusted by official clients.
//!
//! One authority a data folder, made on first start: `ca.pem` to hand to clients, `ca.key` (mode
//! 0600) that never leaves the folder. The server's own certificate lives in memory only and is
//! made anew at each start, for the names that are listened on. All of it passes strict X.509
//! checks (`openssl verify -x509_strict`, Python's `VERIFY_X509_STRICT`).

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use thiserror::Error;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Clocks differ: what is made today is valid since yesterday.
const BACKDATED: Duration = DAY;
const CA_LIFE: Duration = DAY.saturating_mul(3_650);
/// The most that platform verifiers take for a server's certificate.
const LEAF_LIFE: Duration = DAY.saturating_mul(825);
const RENEW_BEFORE: Duration = DAY.saturating_mul(30);
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file of the authority cannot be read or written.
    #[error("«{}» cannot be {doing}: {source}. The local certificate authority is kept there; check the folder and its rights.", path.display())]
    File {
        /// `read` or `written`.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The authority's files are there and are no authority.
    #[error("The local certificate authority in «{}» is damaged: {what}. Delete ca.pem and ca.key there to have a new one made; clients must then be given the new ca.pem.", folder.display())]
    Damaged {
        /// The folder of `ca.pem` and `ca.key`.
        folder: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A host name that no certificate can carry.
    #[error(
        "«{name}» cannot stand in a certificate: {source}. Give an IP address or a host name in ASCII."
    )]
    Name {
        /// The name.
        name: String,
        /// Why not.
        source: rcgen::Error,
    },
    /// A certificate could not be made.
    #[error("No certificate could be made: {0}.")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refuses the certificate.
    #[error("The certificate cannot be served: {0}.")]
    Server(#[from] rustls::Error),
}

/// The certificate authority of one data folder.
pub struct LocalCa {
    ca_path: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    expires: SystemTime,
}

impl LocalCa {
    /// Opens the authority kept in `folder`, or makes one on first start. One that expires within
    /// 30 days is renewed under the same key.
    ///
    /// # Errors
    /// Where a file cannot be read or written, or is no authority; nothing is then changed.
    pub fn open_or_create(folder: &Path) -> Result<Self, TlsError> {
        let ca_path = folder.join("ca.pem");
        let known = read_if_there(&ca_path)?;
        let key = open_key(folder, known.is_some())?;
        let known = known.map(|pem| read_certificate(&pem, &key)).transpose();
        let known = known.map_err(|what| damaged(folder, what))?;
        let fresh = |known: &Known| known.expires > SystemTime::now() + RENEW_BEFORE;
        let Known { certificate, expires } = match known.filter(fresh) {
            Some(known) => known,
            None => create_certificate(&ca_path, &key, CA_LIFE)?,
        };
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { ca_path, issuer, expires })
    }

    /// Where the authority's certificate is, for clients to trust.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// A TLS server (1.2 and 1.3, `http/1.1`) for localhost, 127.0.0.1, ::1 and `extra_names`,
    /// with a fresh key and certificate.
    ///
    /// # Errors
    /// Where a name cannot stand in a certificate.
    pub fn server_config(
        &self,
        extra_names: &[String],
    ) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let key = KeyPair::generate()?;
        let certificate = self.leaf(extra_names)?.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn leaf(&self, extra_names: &[String]) -> Result<CertificateParams, TlsError> {
        let mut names: Vec<String> = LOCAL_NAMES.map(String::from).to_vec();
        for name in extra_names {
            CertificateParams::new([name.clone()].as_slice())
                .map_err(|source| TlsError::Name { name: name.clone(), source })?;
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let mut params = params("Twinscope embedded instance", LEAF_LIFE, names)?;
        params.not_after = params.not_after.min(self.expires.into());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// A certificate of the authority, and when it ends.
struct Known {
    certificate: CertificateDer<'static>,
    expires: SystemTime,
}

/// The key on disk. A key without a certificate is a first start that was cut short: it is used.
fn open_key(folder: &Path, has_certificate: bool) -> Result<KeyPair, TlsError> {
    let path = folder.join("ca.key");
    match read_if_there(&path)? {
        Some(pem) => {
            keep_private(&path)?;
            KeyPair::from_pem(&pem).map_err(|error| damaged(folder, format!("ca.key: {error}")))
        }
        None if has_certificate => Err(damaged(folder, "ca.key is missing".into())),
        None => {
            let key = KeyPair::generate()?;
            write(&path, key.serialize_pem().as_bytes(), true)?;
            Ok(key)
        }
    }
}

fn create_certificate(path: &Path, key: &KeyPair, life: Duration) -> Result<Known, TlsError> {
    // The name tells two data folders apart in a trust store's list.
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let mut params = params(&format!("Twinscope local CA {}", &tag[..8]), life, Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let expires = params.not_after.into();
    let certificate = params.self_signed(key)?;
    write(path, certificate.pem().as_bytes(), false)?;
    Ok(Known { certificate: certificate.into(), expires })
}

fn params(name: &str, life: Duration, names: Vec<String>) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Twinscope");
    params.distinguished_name.push(DnType::CommonName, name);
    let start = SystemTime::now() - BACKDATED;
    params.not_before = start.into();
    params.not_after = (start + life).into();
    params.serial_number = Some(random_serial());
    Ok(params)
}

/// 120 random bits below a byte that keeps the number positive and of full length.
fn random_serial() -> SerialNumber {
    let mut bytes = uuid::Uuid::new_v4().into_bytes();
    bytes[0] = 0x40 | (bytes[0] & 0x3f);
    SerialNumber::from_slice(&bytes)
}

/// Reads the authority's certificate; the error is a clause that says what is wrong with it.
fn read_certificate(pem: &str, key: &KeyPair) -> Result<Known, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("ca.pem is no certificate ({error})");
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| unreadable(&e))?;
    let (_, parsed) =
        x509_parser::parse_x509_certificate(&certificate).map_err(|e| unreadable(&e))?;
    if parsed.public_key().subject_public_key.data != key.public_key_raw() {
        return Err("ca.key is not the key of ca.pem".into());
    }
    if !parsed.is_ca() {
        return Err("ca.pem is no certificate of an authority".into());
    }
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    Ok(Known { certificate, expires })
}

fn damaged(folder: &Path, what: String) -> TlsError {
    TlsError::Damaged { folder: folder.to_owned(), what }
}

pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File { doing: "read", path: path.to_owned(), source }),
    }
}

/// Writes beside and renames, so that a cut start leaves no half file.
pub(crate) fn write(path: &Path, bytes: &[u8], private: bool) -> Result<(), TlsError> {
    let unfinished = path.with_extension("unfinished");
    let done = create(&unfinished, private).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    });
    done.map_err(|source| TlsError::File { doing: "written", path: path.to_owned(), source })
}

fn create(path: &Path, private: bool) -> io::Result<File> {
    // What an earlier, cut start left may have other rights: begin anew.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if private { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = private;
    options.open(path)
}

/// A key that others can read (copied, restored from a backup) is closed to them again.
pub(crate) fn keep_private(path: &Path) -> Result<(), TlsError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|source| {
            TlsError::File { doing: "closed to other users", path: path.to_owned(), source }
        })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::net::TcpListener;
    use std::process::Command;

    fn open(folder: &Path) -> (LocalCa, String) {
        let ca = LocalCa::open_or_create(folder).unwrap();
        let pem = fs::read_to_string(ca.ca_path()).unwrap();
        (ca, pem)
    }

    #[test]
    fn is_kept_between_starts() {
        let folder = tempfile::tempdir().unwrap();
        let (_, first) = open(folder.path());
        let (_, second) = open(folder.path());
        assert_eq!(first, second);
    }

    #[test]
    fn is_renewed_under_its_key_before_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path());
        let key = fs::read_to_string(folder.path().join("ca.key")).unwrap();
        for (days, renewed) in [(30, true), (32, false)] {
            // One day of the life has passed already: certificates are backdated.
            let pair = KeyPair::from_pem(&key).unwrap();
            create_certificate(&folder.path().join("ca.pem"), &pair, DAY * days).unwrap();
            let before = fs::read_to_string(folder.path().join("ca.pem")).unwrap();
            let (_, after) = open(folder.path());
            assert_eq!(before != after, renewed, "{days} days");
        }
        assert_eq!(key, fs::read_to_string(folder.path().join("ca.key")).unwrap());
    }

    #[test]
    #[cfg(unix)]
    fn its_key_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.key");
        for _ in 0..2 {
            open(folder.path());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    #[test]
    fn a_damaged_one_is_told_and_left_alone() {
        let other = tempfile::tempdir().unwrap();
        open(other.path());
        let other_key = fs::read(other.path().join("ca.key")).unwrap();
        let cases: [(&str, Option<&[u8]>, &str); 6] = [
            ("ca.pem", Some(b"-----BEGIN CERT"), "ca.pem is no certificate"),
            ("ca.pem", Some(b""), "ca.pem is no certificate"),
            ("ca.pem", Some(b"\xff\xfe"), "cannot be read"),
            ("ca.key", Some(b"nothing"), "ca.key: "),
            ("ca.key", Some(&other_key), "ca.key is not the key of ca.pem"),
            ("ca.key", None, "ca.key is missing"),
        ];
        for (file, content, expected) in cases {
            let folder = tempfile::tempdir().unwrap();
            open(folder.path());
            let path = folder.path().join(file);
            match content {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let Err(error) = LocalCa::open_or_create(folder.path()) else { panic!("{file}") };
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(fs::read(&path).ok().as_deref(), content, "{file} was touched");
        }
    }

    #[test]
    fn a_start_cut_before_the_certificate_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path());
        let key = fs::read(folder.path().join("ca.key")).unwrap();
        fs::remove_file(folder.path().join("ca.pem")).unwrap();
        fs::write(folder.path().join("ca.unfinished"), "half").unwrap();
        open(folder.path());
        assert_eq!(fs::read(folder.path().join("ca.key")).unwrap(), key);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let Err(error) = LocalCa::open_or_create(file.path()) else { panic!("opened a file") };
        assert!(error.to_string().contains("check the folder"), "{error}");
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, _) = open(folder.path());
        let Err(error) = ca.server_config(&["zwölf".into()]) else { panic!("took it") };
        assert!(error.to_string().contains("«zwölf» cannot stand"), "{error}");
    }

    /// Python's ssl with VERIFY_X509_STRICT is the strictest client that the project meets.
    #[test]
    fn strict_clients_trust_it_for_its_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, _) = open(folder.path());
        let config = ca.server_config(&["twins.example".into(), "localhost".into()]).unwrap();
        for (name, expected) in [
            ("localhost", "trusted TLSv1.3 http/1.1"),
            ("127.0.0.1", "trusted TLSv1.3 http/1.1"),
            ("::1", "trusted TLSv1.3 http/1.1"),
            ("twins.example", "trusted TLSv1.3 http/1.1"),
            ("other.example", "refused"),
        ] {
            assert_eq!(python_connects(&config, ca.ca_path(), name), expected, "{name}");
        }
    }

    const CLIENT: &str = "
import socket, ssl, sys
port, ca, name = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT
context.set_alpn_protocols(['http/1.1'])
try:
    with socket.create_connection(('127.0.0.1', int(port)), timeout=10) as tcp:
        with context.wrap_socket(tcp, server_hostname=name) as tls:
            print('trusted', tls.version(), tls.selected_alpn_protocol())
except ssl.SSLCertVerificationError as error:
    print('refused' if error.verify_code == 62 else error)
";

    fn python_connects(config: &Arc<rustls::ServerConfig>, ca: &Path, name: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
        let server = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            // A client that refuses the certificate ends the handshake: not the server's fault.
            while tls.is_handshaking() && tls.complete_io(&mut tcp).is_ok() {}
        });
        let client = Command::new("python3")
            .args(["-c", CLIENT, &port, &ca.display().to_string(), name])
            .output()
            .expect("python3 is installed");
        server.join().unwrap();
        assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
        String::from_utf8(client.stdout).unwrap().trim().to_owned()
    }
}
