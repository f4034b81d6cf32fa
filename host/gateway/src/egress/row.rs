//! The row of a connection: one for each, also for one that was refused, and
//! for one that was dropped in the middle.

use super::fault::Fault;
use super::flow::Flow;
use super::target::{Near, Target};
use super::warden::{Connection, Outcome, Refusal, Warden};
use sortie_model::host::HostName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// The longest method worth keeping.
const MAX_METHOD_CHARS: usize = 32;

pub(super) struct Row {
    connection: Option<Connection>,
    host: Option<(HostName, u16)>,
    flow: Arc<Flow>,
    warden: Arc<dyn Warden>,
    began: Instant,
}

impl Row {
    pub(super) fn open(warden: Arc<dyn Warden>, flow: Arc<Flow>) -> Self {
        Self {
            connection: Some(Connection {
                method: String::new(),
                host: String::new(),
                port: 0,
                address: None,
                outcome: Outcome::Abandoned,
                reason: None,
                detail: None,
                up_bytes: 0,
                down_bytes: 0,
                elapsed_ms: 0,
            }),
            host: None,
            flow,
            warden,
            began: Instant::now(),
        }
    }

    fn with(&mut self, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = &mut self.connection {
            change(connection);
        }
    }

    pub(super) fn method(&mut self, method: &str) {
        self.with(|row| row.method = method.chars().take(MAX_METHOD_CHARS).collect());
    }

    /// Says whom it is for.
    pub(super) fn aim(&mut self, target: &Target) {
        self.host = Some((target.host.clone(), target.port));
        self.with(|row| {
            row.host = target.host.to_string();
            row.port = target.port;
        });
    }

    /// Says whom a malformed one seems to be for.
    pub(super) fn aim_at(&mut self, near: Option<&Near>) {
        if let Some(near) = near {
            self.with(|row| {
                row.host.clone_from(&near.host);
                row.port = near.port;
            });
        }
    }

    pub(super) fn connected(&mut self, peer: Option<SocketAddr>) {
        self.with(|row| row.address = peer.map(|peer| peer.ip()));
    }

    /// What there is to tell of a fault, when it names a host.
    pub(super) fn refusal(&self, fault: &Fault) -> Option<Refusal> {
        let (host, port) = self.host.clone()?;
        Some(Refusal {
            method: self.connection.as_ref()?.method.clone(),
            host,
            port,
            reason: fault.reason,
            question: fault.question,
        })
    }

    /// Writes that it simply ended.
    pub(super) async fn close(mut self) {
        self.with(|row| row.outcome = Outcome::Closed);
        self.finish().await;
    }

    /// Writes how it ended.
    pub(super) async fn end(mut self, fault: &Fault, begun: bool) {
        self.with(|row| {
            row.outcome = fault.outcome(begun);
            row.reason = Some(fault.reason);
            row.detail.clone_from(&fault.detail);
        });
        self.finish().await;
    }

    /// Writes nothing.
    pub(super) fn forget(mut self) {
        self.connection = None;
    }

    async fn finish(mut self) {
        if let Some(written) = self.write() {
            // A sink that panics has said so itself; the connection is over.
            let _ = written.await;
        }
    }

    /// In a task of its own, so that a row that was begun is written also when
    /// nobody waits for it any more.
    fn write(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let mut connection = self.connection.take()?;
        (connection.up_bytes, connection.down_bytes) = self.flow.carried();
        connection.elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let warden = self.warden.clone();
        // Without a runtime there is nobody left to write to.
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        Some(runtime.spawn(async move { warden.record(connection).await }))
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.write();
    }
}
