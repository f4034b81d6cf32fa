//! One row for each request, whatever became of it: also for one that was
//! refused, and for one whose caller went away in the middle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_trait::async_trait;
use tokio::task::JoinHandle;

/// Where the rows go.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes one row. The answer waits for it.
    async fn record(&self, entry: AuditEntry);
}

/// What is written down. It holds no query, no header, no body, no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who asked: a plugin's name.
    pub subject: String,
    /// The method, cut at 32 characters.
    pub method: String,
    /// The host; empty when the URL was no URL.
    pub host: String,
    /// The port; 0 when the URL was no URL.
    pub port: u16,
    /// The path without its query, cut at 512 characters.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused or failed, as a word: `malformed`, `not-allowed`,
    /// `special-address`, `denied`, `unresolved`, `unreachable`, `timed-out`,
    /// `too-large`, `broken`. `denied` is a person's no.
    pub reason: Option<&'static str>,
    /// Bytes of the URL and the body that were to be sent.
    pub sent_bytes: u64,
    /// Bytes of body that came back.
    pub received_bytes: u64,
    /// Milliseconds from the call to its end.
    pub elapsed_ms: u64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered with this status.
    Answered(u16),
    /// It never left: malformed, or no rule allows it. The text is for
    /// operators and may name an address.
    Refused(String),
    /// It was allowed and has no answer. The text is for operators.
    Failed(String),
    /// The caller stopped waiting; whether it arrived is unknown.
    Abandoned,
}

/// The row of a request that is under way.
pub(crate) struct Row {
    entry: Option<AuditEntry>,
    audit: Arc<dyn Audit>,
    started: Instant,
}

impl Row {
    pub(crate) fn open(
        audit: Arc<dyn Audit>,
        subject: &str,
        method: &str,
        sent_bytes: u64,
    ) -> Self {
        Self {
            entry: Some(AuditEntry {
                subject: subject.to_owned(),
                method: method.chars().take(32).collect(),
                host: String::new(),
                port: 0,
                path: String::new(),
                outcome: Outcome::Abandoned,
                reason: None,
                sent_bytes,
                received_bytes: 0,
                elapsed_ms: 0,
            }),
            audit,
            started: Instant::now(),
        }
    }

    /// Says where the request goes.
    pub(crate) fn aim(&mut self, host: String, port: u16, path: &str) {
        if let Some(entry) = &mut self.entry {
            entry.host = host;
            entry.port = port;
            entry.path = path.chars().take(512).collect();
        }
    }

    pub(crate) fn add_received(&mut self, bytes: usize) {
        if let Some(entry) = &mut self.entry {
            entry.received_bytes += bytes as u64;
        }
    }

    /// Says why it has no answer.
    pub(crate) fn because(&mut self, reason: &'static str) {
        if let Some(entry) = &mut self.entry {
            entry.reason = Some(reason);
        }
    }

    /// Writes the row, even if the caller stops waiting for that.
    pub(crate) async fn close(mut self, outcome: Outcome) {
        if let Some(written) = self.write(outcome) {
            // A sink that panics has said so itself; the request is over.
            let _ = written.await;
        }
    }

    fn write(&mut self, outcome: Outcome) -> Option<JoinHandle<()>> {
        let mut entry = self.entry.take()?;
        entry.outcome = outcome;
        entry.elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let audit = self.audit.clone();
        begin(async move { audit.record(entry).await })
    }
}

/// Begins work here and now, and goes on with it in a task of its own if that
/// was not all. What a host does in its last moments has come as far as it
/// comes without waiting: a write is in the store's queue before the store is
/// closed.
pub(crate) fn begin(work: impl Future<Output = ()> + Send + 'static) -> Option<JoinHandle<()>> {
    // Without a runtime there is nobody left to write to.
    let runtime = tokio::runtime::Handle::try_current().ok()?;
    let mut work = Box::pin(work);
    let mut context = Context::from_waker(Waker::noop());
    // What panics has said so itself, and must not take its caller down.
    let begun = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context)));
    matches!(begun, Ok(Poll::Pending)).then(|| runtime.spawn(work))
}

impl Drop for Row {
    fn drop(&mut self) {
        self.write(Outcome::Abandoned);
    }
}
