//! `sortie plugin sign`.

use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::project::{self, package};
use serde::Serialize;
use sortie_package::Digest;
use sortie_package::signature::{SUFFIX, SecretKey, Statement};
use std::path::PathBuf;

/// The largest file of a key; one is a short line.
const MAX_KEY_BYTES: usize = 4096;

/// Sign a package: its name, version and digest
///
/// The manifest has to be inside. Writes the signature to FILE.sig, where `sortie plugin install` looks for it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The package
    file: PathBuf,
    /// The secret key, as `sortie plugin keygen` made it
    #[arg(long, value_name = "KEYFILE")]
    key: PathBuf,
}

#[derive(Serialize)]
struct Signed {
    signature: PathBuf,
    key: String,
    name: String,
    version: String,
    digest: String,
}

/// Writes the signature.
pub fn run(args: &Args, out: &Out) -> Result<Exit, CliError> {
    let bytes = package::read(&args.file)?;
    let (manifest, beside) = package::manifest(&args.file, &bytes)?;
    if beside.is_some() {
        return Err(CliError::usage(format!(
            "sign {}: its manifest stands beside it, where the signature would not cover it",
            args.file.display()
        ))
        .with_hint(
            "build it with `sortie plugin build`, which puts the manifest in, and sign that",
        ));
    }
    let unusable = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("use the key {}: {error}", args.key.display()))
    };
    let line = project::read_text(&args.key, MAX_KEY_BYTES).map_err(|error| unusable(&error))?;
    let key = SecretKey::parse(&line).map_err(|error| unusable(&error))?;
    let digest = Digest::of(&bytes);
    let signature = Statement::new(&manifest.name, &manifest.version, digest).sign(&key);
    let mut beside = args.file.clone().into_os_string();
    beside.push(SUFFIX);
    let beside = PathBuf::from(beside);
    project::write(&beside, format!("{}\n", signature.to_text()).as_bytes())?;
    let signed = Signed {
        signature: beside,
        key: signature.key.to_string(),
        name: manifest.name,
        version: manifest.version.to_string(),
        digest: digest.to_string(),
    };
    if out.is_json() {
        out.json(&signed)?;
    } else {
        out.line(format!(
            "{} signs {} {} with the key {}",
            signed.signature.display(),
            signed.name,
            signed.version,
            signed.key
        ))?;
    }
    Ok(Exit::Ok)
}
