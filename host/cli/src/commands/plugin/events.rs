//! `sortie plugin events`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::{PluginEventDetail, PluginEventList, PluginEventView};

/// Show what came in for plugins; try it again, or drop it
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only events in this state: pending, done, parked or dropped
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only events for this plugin
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on after a page, with the number it ended with
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show one event with what it says
    Show {
        /// Its number
        id: u64,
    },
    /// Hand a parked event to its plugin again
    Retry {
        /// Its number
        id: u64,
    },
    /// Give an event up; its plugin never sees it
    Drop {
        /// Its number
        id: u64,
    },
}

/// Shows them, or does what was asked with one.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let (id, word, done) = match args.action {
        None => return list(args, client, out).await,
        Some(Action::Show { id }) => {
            let event: PluginEventDetail = client.get(&format!("/v1/plugin-events/{id}")).await?;
            // What it says is a structure in any case.
            out.json(&event)?;
            return Ok(Exit::Ok);
        }
        Some(Action::Retry { id }) => (id, "retry", "is tried again"),
        Some(Action::Drop { id }) => (id, "drop", "is dropped"),
    };
    let path = format!("/v1/plugin-events/{id}/{word}");
    let event: PluginEventView = client.post_empty(&path).await?;
    if out.is_json() {
        out.json(&event)?;
    } else {
        out.line(format!("event {id} for {} {done}", event.plugin))?;
    }
    Ok(Exit::Ok)
}

async fn list(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.state.map(|state| ("state", state)));
    query.extend(args.plugin.map(|plugin| ("plugin", plugin)));
    query.extend(args.before.map(|id| ("before", id.to_string())));
    let list: PluginEventList = client.get_with("/v1/plugin-events", &query).await?;
    if out.is_json() {
        out.json(&list)?;
    } else if list.events.is_empty() {
        out.line("no events")?;
    } else {
        out.line(render::plugin_events(&list.events))?;
        if let Some(before) = list.next_before {
            out.progress(format!(
                "there are more: `sortie plugin events --before {before}`"
            ));
        }
    }
    Ok(Exit::Ok)
}
