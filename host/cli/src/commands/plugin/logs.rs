//! `sortie plugin logs`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::render::plain;
use sortie_api::view::PluginLogList;

/// Show the newest lines that a plugin logged since the host started
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin
    name: String,
}

/// Shows them, oldest first.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let path = super::path(&args.name, "/logs")?;
    let logs: PluginLogList = client.get(&path).await?;
    if out.is_json() {
        out.json(&logs)?;
        return Ok(Exit::Ok);
    }
    if logs.lines.is_empty() {
        out.progress(format!(
            "{} logged nothing since the host started",
            args.name
        ));
    }
    for line in &logs.lines {
        let tone = match line.level.as_str() {
            "error" => Tone::Bad,
            "warn" => Tone::Warn,
            _ => Tone::Dim,
        };
        out.line(format!(
            "{} {} {}",
            out.paint(Tone::Dim, &line.at),
            out.paint(tone, &format!("{:5}", line.level)),
            plain(&line.message)
        ))?;
    }
    Ok(Exit::Ok)
}
