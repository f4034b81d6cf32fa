//! `sortie telegram parked`.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::render;
use sortie_api::view::ParkedList;

/// Show the messages that could not be sent; try one again, or drop it
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show them, the oldest first; the same as without a word
    List,
    /// Try to send a message again
    Retry(Which),
    /// Give a message up; its chat does not get it
    Drop(Which),
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The message's number
    id: u64,
}

/// The API's path of them.
const PATH: &str = "/v1/telegram/parked";

/// Shows them, or does what was asked with one.
pub async fn run(args: Args, client: &Client, out: &Out) -> Result<Exit, CliError> {
    let (id, word, done) = match args.action {
        None | Some(Action::List) => {
            let list: ParkedList = client.get(PATH).await?;
            return show(&list, out);
        }
        Some(Action::Retry(Which { id })) => (id, "retry", "is tried again"),
        Some(Action::Drop(Which { id })) => (id, "drop", "is dropped"),
    };
    let left: ParkedList = client.post_empty(&format!("{PATH}/{id}/{word}")).await?;
    if out.is_json() {
        out.json(&left)?;
    } else {
        out.line(format!("message {id} {done}"))?;
    }
    Ok(Exit::Ok)
}

fn show(list: &ParkedList, out: &Out) -> Result<Exit, CliError> {
    if out.is_json() {
        out.json(list)?;
    } else if list.parked.is_empty() {
        out.line("no message is parked")?;
    } else {
        out.line(render::parked(&list.parked))?;
        out.progress(
            "next: `sortie telegram parked retry MESSAGE`, or `sortie telegram parked drop MESSAGE`",
        );
    }
    Ok(Exit::Ok)
}
