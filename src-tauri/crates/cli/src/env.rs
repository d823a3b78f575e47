//! `twinscope env`.

mod bundle;

use crate::place::Place;
use clap::{Args, ValueEnum};
use session::Connect;
use std::path::Path;

/// Print what a shell needs so that unchanged code uses a running instance.
///
/// In a POSIX shell: eval "$(twinscope env)". In PowerShell: twinscope env --form powershell |
/// Invoke-Expression
#[derive(Args)]
pub struct Env {
    #[command(flatten)]
    place: Place,
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
    /// `NAME='value'`, for a .env file
    Dotenv,
}

impl Env {
    /// Prints one line a variable.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(self) -> Result<(), String> {
        let (folder, connect) = self.place.connect()?;
        for (name, value) in variables(&connect, &bundle::write(&folder, &connect.adt.ca)?) {
            println!("{}", line(self.form, name, &value));
        }
        Ok(())
    }
}

/// Which variables: the endpoint under the name that the official samples read; the CA for
/// Python (requests, and OpenSSL for its async clients), Node.js and whatever uses OpenSSL; and the
/// identity for `DefaultAzureCredential`.
///
/// Node adds to the authorities that it knows, the others replace them: they get a bundle.
fn variables(connect: &Connect, bundle: &Path) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut variables = vec![
        ("AZURE_DIGITALTWINS_URL", connect.adt.endpoint.clone()),
        ("REQUESTS_CA_BUNDLE", text(bundle)),
        ("SSL_CERT_FILE", text(bundle)),
        ("NODE_EXTRA_CA_CERTS", text(&connect.adt.ca)),
    ];
    if let Some(identity) = &connect.identity {
        variables.push(("IDENTITY_ENDPOINT", identity.endpoint.clone()));
        variables.push(("IDENTITY_HEADER", identity.header.clone()));
    }
    variables
}

fn line(form: Form, name: &str, value: &str) -> String {
    match form {
        Form::Shell => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Form::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        // Between single quotes every reader of such files takes everything as it is; between double
        // ones some do not undo the backslashes of a Windows path.
        Form::Dotenv if !value.contains('\'') => format!("{name}='{value}'"),
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
        let value = r#"C:\new "users" $x"#;
        assert_eq!(line(Form::Shell, "A", value), r#"export A='C:\new "users" $x'"#);
        assert_eq!(line(Form::Powershell, "A", value), r#"$env:A = 'C:\new "users" $x'"#);
        assert_eq!(line(Form::Dotenv, "A", value), r#"A='C:\new "users" $x'"#);
    }
}
