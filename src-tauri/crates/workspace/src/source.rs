//! Where a workspace is read from.

use crate::problem::Problems;
use include_dir::{Dir, include_dir};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../../assets/contoso-building");

/// A larger file is not read.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// An instance has at most 10,000 models; the same again in files that hold none is a mistake.
const MOST_FILES: usize = 20_000;
const DEEPEST: usize = 16;

pub(crate) const FUNCTIONS: &str = "functions";
pub(crate) const MODELS: &str = "models";
pub(crate) const TWINS: &str = "twins.ndjson";
pub(crate) const TOPOLOGY: &str = "topology.json";
pub(crate) const FLOOR_PLAN: &str = "floorplan.geojson";
pub(crate) const VIEWS: &str = "views.json";

/// Where a workspace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The sample building, which is part of the program.
    Embedded,
    /// A folder.
    Folder(PathBuf),
}

/// A file as read: its name from the workspace's folder on, and its text without a byte order mark.
pub(crate) struct TextFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is there at all; a problem where it is not.
    pub(crate) fn check(&self, problems: &mut Problems) -> bool {
        let Self::Folder(folder) = self else { return true };
        let message = match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => match workspace_around(folder) {
                Some(around) => format!(
                    "This is a part of the workspace {}. Open that folder.",
                    around.display()
                ),
                None => return true,
            },
            Ok(_) => {
                "This is not a folder. Open the folder that the workspace's files are in, or files of twins and models: .ndjson, .jsonl, .json, .xlsx or .csv.".into()
            }
            Err(error) => {
                format!("The folder cannot be opened ({error}). Open another one, or make it.")
            }
        };
        problems.add(folder.display().to_string(), "", message);
        false
    }

    /// A file's text; `None` where there is no such file, or where it cannot be read, which is a
    /// problem then.
    pub(crate) fn read(&self, name: &str, problems: &mut Problems) -> Option<TextFile> {
        let bytes = match self {
            Self::Embedded => Ok(Some(SAMPLE.get_file(name)?.contents().to_vec())),
            Self::Folder(folder) => read_bounded(&folder.join(name)),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes?,
            Err(message) => {
                problems.add(name, "", message);
                return None;
            }
        };
        decode(name, bytes, problems)
    }

    /// All files of models, by name.
    pub(crate) fn read_models(&self, problems: &mut Problems) -> Vec<TextFile> {
        self.read_all(MODELS, ".json", problems)
    }

    /// All files of functions, by name.
    pub(crate) fn read_functions(&self, problems: &mut Problems) -> Vec<TextFile> {
        self.read_all(FUNCTIONS, ".rhai", problems)
    }

    fn read_all(&self, within: &str, ending: &str, problems: &mut Problems) -> Vec<TextFile> {
        let mut names = match self {
            Self::Embedded => {
                let files = SAMPLE.get_dir(within).into_iter().flat_map(Dir::files);
                files.map(|file| file.path().to_string_lossy().into_owned()).collect()
            }
            Self::Folder(folder) => names(folder, within, ending, problems),
        };
        names.sort_unstable();
        names.iter().filter_map(|name| self.read(name, problems)).collect()
    }
}

/// The workspace whose models or functions a folder holds. Dialogs of the desktop complete into
/// the first folder of a path, and a workspace without anything would open.
fn workspace_around(folder: &Path) -> Option<PathBuf> {
    // `.` has a name and a folder around it, too.
    let folder = std::path::absolute(folder).ok()?;
    let is_workspace =
        |folder: &Path| [TWINS, TOPOLOGY].iter().any(|file| folder.join(file).exists());
    let name = folder.file_name()?;
    let around = folder.parent()?;
    let is_part = name == MODELS || name == FUNCTIONS;
    (is_part && is_workspace(around) && !is_workspace(&folder)).then(|| around.to_owned())
}

/// Names of the files in a folder of the workspace and in the folders within it, hidden ones left
/// out.
fn names(folder: &Path, within: &str, ending: &str, problems: &mut Problems) -> Vec<String> {
    let mut names = Vec::new();
    let mut left = vec![(within.to_owned(), 0)];
    while let Some((name, depth)) = left.pop() {
        let entries = match fs::read_dir(folder.join(&name)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                problems.add(name, "", format!("The folder cannot be read ({error})."));
                continue;
            }
        };
        for entry in entries.flatten() {
            let entry_name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{name}/{entry_name}");
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if entry_name.starts_with('.') {
                continue;
            } else if is_folder && depth < DEEPEST {
                left.push((path, depth + 1));
            } else if !is_folder && entry_name.to_lowercase().ends_with(ending) {
                names.push(path);
            }
            if names.len() > MOST_FILES {
                let message = format!(
                    "There are more than {MOST_FILES} files in it. Open a folder with fewer."
                );
                problems.add(within, "", message);
                return Vec::new();
            }
        }
    }
    names
}

fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let cannot = |error: std::io::Error| format!("The file cannot be read ({error}).");
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    if !metadata.is_file() {
        return Err("This is not a file. Move it away, or put a file in its place.".into());
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that grows meanwhile from one that just fits.
    let mut file = File::open(path).map_err(cannot)?.take(MOST_BYTES + 1);
    if metadata.len() <= MOST_BYTES {
        file.read_to_end(&mut bytes).map_err(cannot)?;
    }
    if metadata.len().max(bytes.len() as u64) > MOST_BYTES {
        return Err(format!(
            "The file has {} MiB; at most {} MiB are read. Make it smaller, or import it.",
            metadata.len() >> 20,
            MOST_BYTES >> 20
        ));
    }
    Ok(Some(bytes))
}

fn decode(name: &str, mut bytes: Vec<u8>, problems: &mut Problems) -> Option<TextFile> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(TextFile { name: name.to_owned(), text }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
            let place = format!("line {line}, column {column}");
            problems.add(name, place, "This byte is not UTF-8. Save the file as UTF-8.");
            None
        }
    }
}
