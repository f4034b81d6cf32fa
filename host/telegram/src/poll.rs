//! Asks Telegram for updates, for ever. The number to begin with is the
//! acknowledgement of all before it, and it is read from the store: so nothing
//! is acknowledged that is not on disk.

use crate::error::NotTaken;
use crate::fault::Fault;
use crate::hear::Ears;
use crate::limits::{CONFLICT, FULL_PAUSE, POLL_WAIT, REFUSED, UNREACHABLE, UPDATES};
use crate::pause;
use crate::profile;
use crate::service::{Inner, Link};
use crate::state::State;
use std::time::Duration;
use teloxide_core::RequestError;
use teloxide_core::payloads::GetUpdatesSetters;
use teloxide_core::requests::Requester;
use tokio_util::sync::CancellationToken;

/// What ended a poll early.
enum Trouble {
    NotTaken(NotTaken),
    Telegram(RequestError),
}

/// Polls until it is told to stop.
pub(crate) async fn run(inner: &Inner, link: &Link, ears: &Ears, until: &CancellationToken) {
    let mut failures = 0;
    loop {
        let round = tokio::select! {
            () = until.cancelled() => return,
            round = round(link, ears) => round,
        };
        let Err(trouble) = round else {
            failures = 0;
            inner.show(link.up());
            continue;
        };
        failures += 1;
        let wait = judge(inner, link, trouble, failures).await;
        tokio::select! {
            () = until.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn round(link: &Link, ears: &Ears) -> Result<(), Trouble> {
    let not_taken = |error: NotTaken| Trouble::NotTaken(error);
    ears.ready().map_err(not_taken)?;
    let offset = ears.offset().await;
    let offset = offset.map_err(|error| not_taken(error.into()))?;
    let wait = u32::try_from(POLL_WAIT.as_secs()).unwrap_or(u32::MAX);
    let mut request = link
        .bots
        .poll
        .get_updates()
        .timeout(wait)
        .limit(UPDATES)
        .allowed_updates(profile::UPDATES);
    if let Some(offset) = offset {
        request = request.offset(offset);
    }
    for update in request.await.map_err(Trouble::Telegram)? {
        ears.take(&update).await.map_err(not_taken)?;
    }
    // Answers to what was taken may go out before more is asked for.
    tokio::task::yield_now().await;
    Ok(())
}

/// Says what is wrong and how long to wait.
async fn judge(inner: &Inner, link: &Link, trouble: Trouble, failures: u32) -> Duration {
    let error = match trouble {
        Trouble::NotTaken(NotTaken::NobodyHears) => {
            let plugin = inner.config.plugin.clone();
            inner.show(State::NobodyHears { plugin });
            return FULL_PAUSE;
        }
        Trouble::NotTaken(error) => {
            tracing::error!(%error, "an update could not be taken; it is asked for again");
            return FULL_PAUSE;
        }
        Trouble::Telegram(error) => error,
    };
    match Fault::of(&error) {
        Fault::Pause(pause) => pause,
        Fault::Conflict => {
            inner.show(State::Conflict);
            pause::after(failures, CONFLICT)
        }
        Fault::Token => {
            inner.show(inner.state_of(&Fault::Token));
            REFUSED
        }
        // Somebody set a webhook meanwhile.
        Fault::Hooked => {
            if let Err(error) = link.bots.send.delete_webhook().await {
                tracing::warn!(error = inner.redacted(&error), "the webhook stays");
            }
            pause::after(failures, UNREACHABLE)
        }
        fault => {
            inner.show(inner.state_of(&fault));
            pause::after(failures, UNREACHABLE)
        }
    }
}
