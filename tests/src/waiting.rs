//! Tasks that go on when the test says so.

use crate::Host;
use anyhow::{Result, ensure};
use std::cell::Cell;
use std::process::Command;

/// What such a task does first: it says that it has begun, and waits for
/// [`Host::go_on`]. No more than a file, so that any shell and any agent can.
pub const WAIT: &str = "echo begun; until [ -e /tmp/go ]; do sleep 0.01; done";

/// What is told of a job that is over.
const OVER: [&str; 4] = ["job.succeeded", "job.failed", "job.halted", "job.cancelled"];

impl Host {
    /// Waits until something was heard of a job's agent.
    pub async fn begun(&self, job: u64) -> Result<()> {
        self.wait_event(job, |event| event["kind"] == "agent.progress")
            .await
            .map(drop)
    }

    /// Waits until such a task began `times` times; false if the job is
    /// over before.
    pub async fn begins(&self, job: u64, times: u32) -> Result<bool> {
        let heard = Cell::new(0);
        let event = self.wait_event(job, |event| {
            heard.set(heard.get() + u32::from(event["data"]["text"] == "begun"));
            heard.get() == times || OVER.contains(&event["kind"].as_str().unwrap_or_default())
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
            ensure!(done.status.success(), "{container} goes on: {said}");
        }
        Ok(())
    }
}
