//! `sortie plugin push`.

use super::fetched;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use serde::Serialize;
use sortie_package::fetch::Source;

/// Publish a package to an OCI registry
///
/// Its signature goes with it. A registry that asks who one is takes
/// SORTIE_REGISTRY_USER and SORTIE_REGISTRY_PASSWORD.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    from: fetched::From,
    /// Where it goes, such as ghcr.io/owner/rule:0.1.0
    target: String,
}

#[derive(Serialize)]
struct Pushed {
    /// Names exactly these bytes, whatever its tag will point at.
    reference: String,
    signed: bool,
}

/// Publishes it.
pub async fn run(args: &Args, out: &Out) -> Result<Exit, CliError> {
    let target = Source::parse(&args.target)
        .map_err(|error| CliError::usage(format!("find the registry: {error}")))?;
    let package = args.from.fetch(out).await?;
    let pushed = Pushed {
        reference: package.push(&target).await?.to_string(),
        signed: package.is_signed(),
    };
    if out.is_json() {
        out.json(&pushed)?;
    } else {
        let signed = match pushed.signed {
            true => "with its signature",
            false => "unsigned",
        };
        out.line(format!("{} is there, {signed}", pushed.reference))?;
    }
    Ok(Exit::Ok)
}
