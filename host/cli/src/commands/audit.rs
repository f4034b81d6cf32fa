//! `sortie audit`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::AuditList;

/// Show who changed what, and what plugins sent, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what concerns this, such as a plugin's name
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Only this, such as plugin.granted or egress.denied
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on after a page, with the number it ended with
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
}

/// Shows the rows.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.subject.map(|subject| ("subject", subject)));
    query.extend(args.action.map(|action| ("action", action)));
    query.extend(args.before.map(|id| ("before", id.to_string())));
    let list: AuditList = client.get_with("/v1/audit", &query).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.entries.is_empty() {
        out.line("nothing is written down")?;
    } else {
        out.line(render::audit(&list.entries))?;
        if let Some(before) = list.next_before {
            out.progress(format!("there are more: `sortie audit --before {before}`"));
        }
    }
    Ok(Exit::Ok)
}
