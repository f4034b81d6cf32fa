//! Tasks that go on when the test says so.

use crate::Host;
use anyhow::{Result, ensure};
use std::cell::Cell;
use std::process::Command;

/// What such a task does first: it says that it has begun, and waits for
/// [`Host::go_on`]. No more than a file, so that any shell and any agent can.
pub const WAIT: &str = "echo begun; until [ -e /tmp/go ]; do sleep 0.01; done";

impl Host {
    /// Waits until something was heard of a job's agent.
    pub async fn begun(&self, job: u64) -> Result<()> {
        self.wait_event(job, |event| event["kind"] == "agent.progress")
            .await
            .map(drop)
    }

    /// Waits until such a task began `times` times; false if the job succeeded
    /// before.
    pub async fn begins(&self, job: u64, times: u32) -> Result<bool> {
        let heard = Cell::new(0);
        let event = self.wait_event(job, |event| {
            heard.set(heard.get() + u32::from(event["data"]["text"] == "begun"));
            heard.get() == times || event["kind"] == "job.succeeded"
        });
        Ok(event.await?["kind"] == "agent.progress")
    }

    /// Lets every task go on that [`WAIT`]s in a running container of this host.
    pub fn go_on(&self) -> Result<()> {
        for container in self.labelled(&["ps", "-q"])? {
            let done = Command::new("docker")
                .args(["exec", &container, "touch", "/tmp/go"])
                .output()?;
            let said = String::from_utf8_lossy(&done.stderr);
            let is_there = self.labelled(&["ps", "-q"])?.contains(&container);
            ensure!(
                done.status.success() || !is_there,
                "{container} goes on: {said}"
            );
        }
        Ok(())
    }
}
