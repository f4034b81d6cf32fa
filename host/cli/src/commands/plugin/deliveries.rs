//! `sortie plugin deliveries`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::{DeliveryList, DeliveryView, PluginList, PluginView};

/// Show what notifiers were told; try it again, or drop it
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only deliveries in this state: pending, done, parked or dropped
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only deliveries to this notifier [default: each that is installed]
    #[arg(long, value_name = "NAME")]
    notifier: Option<String>,
    /// At most so many for each notifier
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on after a page, with the number it ended with
    #[arg(long, value_name = "EVENT", requires = "notifier")]
    before: Option<u64>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Hand a parked delivery to its notifier again
    Retry(Which),
    /// Give a delivery up; its notifier is not told
    Drop(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The notifier
    notifier: String,
    /// The number of the event that it tells of
    event: u64,
}

/// Shows them, or does what was asked with one.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let (which, word, done) = match args.action {
        None => return list(args, client, out).await,
        Some(Action::Retry(which)) => (which, "retry", "is tried again"),
        Some(Action::Drop(which)) => (which, "drop", "is dropped"),
    };
    let Which { notifier, event } = which;
    super::checked(&notifier)?;
    let path = format!("/v1/deliveries/{notifier}/{event}/{word}");
    let delivery: DeliveryView = client.post_empty(&path).await?;
    if out.is_json() {
        out.json(&delivery)?;
    } else {
        out.line(format!("what {notifier} is told of event {event} {done}"))?;
    }
    Ok(Exit::Ok)
}

async fn list(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let notifiers = match &args.notifier {
        Some(notifier) => vec![notifier.clone()],
        None => notifiers(client).await?,
    };
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(args.state.map(|state| ("state", state)));
    query.extend(args.before.map(|event| ("before", event.to_string())));
    let mut found = Vec::new();
    let mut more = Vec::new();
    for notifier in notifiers {
        query.push(("notifier", notifier.clone()));
        let list: DeliveryList = client.get_with("/v1/deliveries", &query).await?;
        query.pop();
        found.extend(list.deliveries);
        more.extend(list.next_before.map(|before| (notifier, before)));
    }
    if out.is_json() {
        let next_before = match more.as_slice() {
            [(_, before)] if args.notifier.is_some() => Some(*before),
            _ => None,
        };
        out.json(&DeliveryList {
            deliveries: found,
            next_before,
        })?;
    } else if found.is_empty() {
        out.line("no deliveries")?;
    } else {
        out.line(render::deliveries(&found))?;
        for (notifier, before) in more {
            out.progress(format!(
                "there are more: `sortie plugin deliveries --notifier {notifier} --before {before}`"
            ));
        }
    }
    Ok(Exit::Ok)
}

/// The installed plugins that are told something.
async fn notifiers(client: &Client) -> Result<Vec<String>, CliError> {
    let list: PluginList = client.get("/v1/plugins").await?;
    let told = |plugin: &PluginView| plugin.surfaces.iter().any(|surface| surface == "notifier");
    let told = list.plugins.into_iter().filter(told);
    Ok(told.map(|plugin| plugin.name).collect())
}
