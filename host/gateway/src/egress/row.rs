//! The row of a connection: one for each, also for one that was refused, and
//! for one that was dropped in the middle. One that was made is written at once,
//! now and then while it carries much, and at its end, so that it counts also
//! when the host is killed.

use super::fault::Fault;
use super::flow::Flow;
use super::target::{Near, Target};
use super::warden::{Connection, Outcome, Refusal, Warden};
use crate::outbound::begin;
use sortie_model::host::HostName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// The longest method worth keeping.
const MAX_METHOD_CHARS: usize = 32;

/// The reason of one that is not over.
const OPEN: &str = "open";

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
                opened: None,
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

    /// Writes that it was made.
    pub(super) async fn connected(&mut self, peer: Option<SocketAddr>) {
        self.with(|row| row.address = peer.map(|peer| peer.ip()));
        if let Some(connection) = &self.connection {
            let open = Connection {
                reason: Some(OPEN),
                ..connection.clone()
            };
            let opened = self.warden.opened(&open).await;
            self.with(|row| row.opened = opened);
        }
    }

    /// Writes what it carried so far whenever that is enough, for as long as it
    /// is polled.
    pub(super) async fn follow(&self) {
        loop {
            self.flow.carried_more().await;
            let written = self.connection.as_ref();
            if let Some(connection) = written.filter(|row| row.opened.is_some()) {
                let mut so_far = Connection {
                    reason: Some(OPEN),
                    ..connection.clone()
                };
                self.measure(&mut so_far);
                self.warden.carried(&so_far).await;
            }
        }
    }

    fn measure(&self, connection: &mut Connection) {
        (connection.up_bytes, connection.down_bytes) = self.flow.carried();
        connection.elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
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

    /// Written also when nobody waits for it any more.
    fn write(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let mut connection = self.connection.take()?;
        self.measure(&mut connection);
        let warden = self.warden.clone();
        begin(async move { warden.record(connection).await })
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::super::warden::{Shut, Verdict};
    use super::*;
    use async_trait::async_trait;
    use sortie_model::egress::EgressLimits;
    use std::sync::Mutex;

    /// One whose writes are taken at once and never acknowledged.
    #[derive(Default)]
    struct Slow(Mutex<Vec<(Outcome, Option<u64>)>>);

    #[async_trait]
    impl Warden for Slow {
        async fn admit(&self, _: &HostName, _: u16) -> Verdict {
            Verdict::Shut(Shut::NotListed)
        }

        async fn refused(&self, _: &Refusal) {}

        async fn opened(&self, connection: &Connection) -> Option<u64> {
            assert_eq!(connection.reason, Some(OPEN));
            Some(7)
        }

        async fn record(&self, connection: Connection) {
            let written = (connection.outcome, connection.opened);
            self.0.lock().expect("whole").push(written);
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_dropped_row_is_handed_over_before_whoever_drops_it_goes_on() {
        let warden = Arc::new(Slow::default());
        let budget = Arc::new(Budget::new(EgressLimits::default()));
        let mut row = Row::open(warden.clone(), Arc::new(Flow::new(budget)));
        row.connected(None).await;
        drop(row);
        let written = warden.0.lock().expect("whole");
        assert_eq!(*written, [(Outcome::Abandoned, Some(7))]);
    }
}
