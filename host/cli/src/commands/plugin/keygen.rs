//! `sortie plugin keygen`.

use crate::exit::{CliError, Exit};
use crate::out::Out;
use serde::Serialize;
use sortie_package::signature::SecretKey;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Make a key to sign packages with
///
/// Writes the secret half to FILE, which only you can read, and the public half
/// to FILE.pub, for those who install what you sign. Replaces no file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the secret half goes
    #[arg(long, value_name = "FILE", default_value = "sortie-signing.key")]
    out: PathBuf,
    /// Whose key it is, such as an address; stands in the public half
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
}

#[derive(Serialize)]
struct Made {
    secret_key: PathBuf,
    public_key: PathBuf,
    id: String,
    public: String,
}

/// Makes both halves.
pub fn run(args: Args, out: &Out) -> Result<Exit, CliError> {
    let key = SecretKey::generate(&args.comment).map_err(CliError::failed)?;
    let public = key.public();
    let mut beside = args.out.clone().into_os_string();
    beside.push(".pub");
    let beside = PathBuf::from(beside);
    create(&args.out, 0o600, &key.to_line())?;
    create(&beside, 0o644, &public.to_string())?;
    let made = Made {
        secret_key: args.out,
        public_key: beside,
        id: public.id().to_string(),
        public: public.to_string(),
    };
    if out.is_json() {
        out.json(&made)?;
    } else {
        out.line(format!(
            "{} is secret; keep it\n{} is for everybody:\n{}",
            made.secret_key.display(),
            made.public_key.display(),
            made.public
        ))?;
    }
    Ok(Exit::Ok)
}

fn create(path: &Path, mode: u32, line: &str) -> Result<(), CliError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")
        })
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => CliError::usage(format!(
                "write {}: it is there already, and whoever trusts that key would no longer be \
                 able to check what you sign",
                path.display()
            ))
            .with_hint("name another file with --out"),
            _ => CliError::failed(format!("write {}: {error}", path.display())),
        })
}
