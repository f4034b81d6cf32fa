//! Follows a job over the host's event stream, across broken connections and
//! restarts of the host.

use crate::client::Client;
use crate::exit::{CliError, Exit};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use sortie_api::view::{EventView, JobDetail, JobView};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The longest line of a stream; an event is far shorter.
const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;

/// How long to look for a host that went away while it was being watched.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait between looks.
const PAUSE: Duration = Duration::from_millis(500);

/// The host says something at least every 15 seconds; after this long a
/// silent connection is dead.
const SILENCE: Duration = Duration::from_secs(60);

/// A response, line by line, without line ends.
pub struct Lines {
    bytes: BoxStream<'static, Result<Vec<u8>, CliError>>,
    buffer: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// The lines of that response.
    pub fn new(response: reqwest::Response) -> Self {
        let bytes = response.bytes_stream().map(|chunk| {
            chunk.map(|bytes| bytes.to_vec()).map_err(|error| {
                CliError::new(
                    Exit::Unreachable,
                    "connection-broken",
                    format!("follow the host: the connection broke ({error})"),
                )
                .with_hint("try again")
            })
        });
        Self {
            bytes: bytes.boxed(),
            buffer: Vec::new(),
            ended: false,
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line[..end]).into_owned();
        Some(line.trim_end_matches('\r').to_owned())
    }
}

impl Stream for Lines {
    type Item = Result<String, CliError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.take_line() {
                return Poll::Ready(Some(Ok(line)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if self.buffer.len() > MAX_LINE_BYTES {
                self.ended = true;
                let error = CliError::failed("follow the host: a line is too long");
                return Poll::Ready(Some(Err(error)));
            }
            match self.bytes.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => self.buffer.extend_from_slice(&chunk),
                Poll::Ready(Some(Err(error))) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.ended = true,
            }
        }
    }
}

/// Follows a job from its beginning until it is over or waits for a person;
/// `see` gets each event once.
pub async fn until_settled(
    client: &Client,
    id: u64,
    mut see: impl FnMut(&EventView),
) -> Result<JobDetail, CliError> {
    // A host that is not there, or knows no such job, is found out at once.
    let _: JobDetail = client.get(&format!("/v1/jobs/{id}")).await?;
    let mut after = 0;
    let mut reachable_at = Instant::now();
    loop {
        match follow(client, id, &mut after, &mut see).await {
            Ok(Some(job)) => return Ok(job),
            // The host ended the stream in order; it may be restarting.
            Ok(None) => reachable_at = Instant::now(),
            Err(error) if error.exit == Exit::Unreachable => {
                if reachable_at.elapsed() > PATIENCE {
                    return Err(error);
                }
            }
            Err(error) if error.kind == "busy" || error.kind == "not-ready" => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(
    client: &Client,
    id: u64,
    after: &mut u64,
    see: &mut impl FnMut(&EventView),
) -> Result<Option<JobDetail>, CliError> {
    let query = [("after", after.to_string())];
    let response = client
        .stream(&format!("/v1/jobs/{id}/events"), &query)
        .await?;
    let mut lines = Lines::new(response);
    loop {
        let Ok(line) = tokio::time::timeout(SILENCE, lines.next()).await else {
            return Ok(None);
        };
        let Some(line) = line else {
            return Ok(None);
        };
        // One event is one line of data: JSON has no line ends.
        let line = line?;
        let Some(data) = line.strip_prefix("data:") else {
            continue;
        };
        let Ok(event) = serde_json::from_str::<EventView>(data.trim_start()) else {
            continue;
        };
        *after = event.seq;
        see(&event);
        if event.kind.strip_prefix("job.").is_some_and(may_be_settled) {
            let job: JobDetail = client.get(&format!("/v1/jobs/{id}")).await?;
            if is_settled(&job.job) {
                return Ok(Some(job));
            }
        }
    }
}

fn may_be_settled(state: &str) -> bool {
    sortie_model::job::JobPhase::parse(state)
        .is_some_and(|phase| phase.is_final() || phase.waits_for_person())
}

fn is_settled(job: &JobView) -> bool {
    may_be_settled(&job.state)
}

/// What a settled job means for the exit code.
pub fn exit(job: &JobView) -> Exit {
    if job.state == "succeeded" {
        Exit::Ok
    } else {
        Exit::Negative
    }
}
