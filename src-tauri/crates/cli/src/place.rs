//! Which running instance a command means.

use clap::Args;
use session::wire::Target;
use session::{Connect, Folders};
use std::path::PathBuf;

/// Names a data folder, or the workspace that it belongs to.
#[derive(Args)]
pub struct Place {
    /// The data folder of the running instance; that of the embedded sample where it is left out.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// For the instance that serves this workspace.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    workspace: Option<PathBuf>,
}

impl Place {
    /// The data folder, as an absolute path.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        if let Some(data) = &self.data {
            return absolute(data);
        }
        let target = match &self.workspace {
            None => Target::Sample,
            Some(path) => {
                Target::Workspace { path: absolute(path)?.to_string_lossy().into_owned() }
            }
        };
        Ok(Folders::of_user().data_of(&target))
    }

    /// The data folder and where its instance listens.
    pub fn connect(&self) -> Result<(PathBuf, Connect), String> {
        let folder = self.folder()?;
        match Connect::read(&folder) {
            Some(connect) => Ok((folder, connect)),
            None => Err(format!(
                "Nothing serves from «{}»: there is no connect.json. Start `twinscope serve` with the same --data or --workspace.",
                folder.display()
            )),
        }
    }
}
