//! `twinscope env`.

use clap::{Args, ValueEnum};
use session::wire::Target;
use session::{Connect, Folders};
use std::path::PathBuf;

/// Print what a shell needs so that unchanged code uses a running instance.
///
/// In a POSIX shell: eval "$(twinscope env)"
#[derive(Args)]
pub struct Env {
    /// The data folder of the running instance; that of the embedded sample where it is left out.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// For the instance that serves this workspace.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    workspace: Option<PathBuf>,
    /// In which form.
    #[arg(long, value_enum, default_value_t = Form::Shell)]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// `export NAME='value'`
    Shell,
    /// `$env:NAME = 'value'`
    Powershell,
    /// `NAME="value"`, for a .env file
    Dotenv,
}

impl Env {
    /// Prints one line a variable.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(self) -> Result<(), String> {
        let folder = self.folder()?;
        let connect = Connect::read(&folder).ok_or_else(|| {
            format!(
                "Nothing serves from «{}»: there is no connect.json. Start `twinscope serve` with the same --data or --workspace.",
                folder.display()
            )
        })?;
        for (name, value) in variables(&connect) {
            println!("{}", line(self.form, name, &value));
        }
        Ok(())
    }

    fn folder(&self) -> Result<PathBuf, String> {
        if let Some(data) = &self.data {
            return Ok(data.clone());
        }
        let target = match &self.workspace {
            None => Target::Sample,
            Some(path) => {
                let path = std::path::absolute(path).map_err(|error| error.to_string())?;
                Target::Workspace { path: path.to_string_lossy().into_owned() }
            }
        };
        Ok(Folders::of_user().data_of(&target))
    }
}

/// Which variables: the endpoint under the name that the official samples read, and the CA for
/// Python (requests), Node.js and OpenSSL.
fn variables(connect: &Connect) -> [(&'static str, String); 4] {
    let ca = connect.adt.ca.to_string_lossy().into_owned();
    [
        ("AZURE_DIGITALTWINS_URL", connect.adt.endpoint.clone()),
        ("REQUESTS_CA_BUNDLE", ca.clone()),
        ("NODE_EXTRA_CA_CERTS", ca.clone()),
        ("SSL_CERT_FILE", ca),
    ]
}

fn line(form: Form, name: &str, value: &str) -> String {
    match form {
        Form::Shell => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Form::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        Form::Dotenv => {
            format!("{name}=\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_for_each_shell() {
        let value = r#"/home/o'neil/"x""#;
        assert_eq!(line(Form::Shell, "A", value), r#"export A='/home/o'\''neil/"x"'"#);
        assert_eq!(line(Form::Powershell, "A", value), r#"$env:A = '/home/o''neil/"x"'"#);
        assert_eq!(line(Form::Dotenv, "A", value), r#"A="/home/o'neil/\"x\"""#);
    }
}
