//! Digital twin model identifiers: `dtmi:` labels `;` version, for example `dtmi:com:example:Room;1`.

/// A DTMI, taken apart. Any that the language itself makes is taken, implicit ones included;
/// what a model may define is narrower, see [`Dtmi::is_valid_in`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dtmi<'a> {
    text: &'a str,
    path: &'a str,
    major: u32,
    minor: u32,
    fragment: Option<&'a str>,
}

/// The longest identifier that models may use, in bytes (they are ASCII).
pub(crate) const MAX_LENGTH: usize = 2048;
/// The longest identifier of an interface.
pub(crate) const MAX_INTERFACE_LENGTH: usize = 128;

impl<'a> Dtmi<'a> {
    /// Takes `text` apart; `None` where it is no DTMI.
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("dtmi:")?;
        let (rest, fragment) = match rest.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (rest, None),
        };
        let (path, version) = match rest.split_once(';') {
            Some((path, version)) => (path, Some(version)),
            None => (rest, None),
        };
        let (major, minor) = match version {
            Some(version) => parse_version(version)?,
            None => (0, 0),
        };
        let labels_fit = path.split(':').all(is_label);
        let fragment_fits =
            fragment.is_none_or(|fragment| fragment.is_empty() || is_label(fragment));
        (labels_fit && fragment_fits).then_some(Self { text, path, major, minor, fragment })
    }

    /// The labels between the colons.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> {
        self.path.split(':')
    }

    /// The major version, 0 where there is none.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The minor version, 0 where there is none.
    pub fn minor(&self) -> u32 {
        self.minor
    }

    /// The identifier without its version, fragment included.
    pub fn versionless(&self) -> String {
        match self.fragment {
            Some(fragment) => format!("dtmi:{}#{fragment}", self.path),
            None => format!("dtmi:{}", self.path),
        }
    }

    /// The fragment behind `#`, where there is one.
    pub fn fragment(&self) -> Option<&'a str> {
        self.fragment
    }

    /// True for the identifiers that the language makes for elements without one.
    pub fn is_implicit(&self) -> bool {
        self.text.contains(":_") || self.fragment.is_some_and(|fragment| fragment.starts_with('_'))
    }

    /// True where a model in DTDL `version` may use `text` as an identifier:
    /// labels begin with a letter, no fragment, and in version 2 exactly a major version.
    pub fn is_valid_in(text: &str, version: u8) -> bool {
        text.len() <= MAX_LENGTH && Self::is_well_formed_in(text, version)
    }

    /// As [`Dtmi::is_valid_in`], however long.
    pub(crate) fn is_well_formed_in(text: &str, version: u8) -> bool {
        let Some(dtmi) = Dtmi::parse(text) else {
            return false;
        };
        dtmi.fragment.is_none()
            && dtmi.labels().all(|label| !label.starts_with('_'))
            && (version > 2 || (dtmi.major > 0 && !text.contains('.')))
    }
}

/// `(?:_+[A-Za-z0-9]|[A-Za-z])(?:[A-Za-z0-9_]*[A-Za-z0-9])?`
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let starts = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let ends = bytes.last().is_some_and(u8::is_ascii_alphanumeric);
    starts && ends && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    match text.split_once('.') {
        Some((major, minor)) => Some((version_number(major, 9)?, version_number(minor, 6)?)),
        None => Some((version_number(text, 9)?, 0)),
    }
}

fn version_number(text: &str, longest: usize) -> Option<u32> {
    let fits = text.len() <= longest
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
