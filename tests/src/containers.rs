//! What happens in and to the containers of a host, seen and done from outside.

use crate::{Host, PATIENCE};
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command as AsyncCommand};

/// A moment as the engine is told of one: seconds since 1970.
pub struct Moment(String);

impl Moment {
    /// Now.
    pub fn now() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self(format!("{}.{:09}", now.as_secs(), now.subsec_nanos())))
    }
}

/// A script that goes on in a container, until it is dropped or ended there.
pub struct Inside {
    /// The container.
    pub container: String,
    _script: Child,
}

impl Host {
    /// Runs a shell script in each running container of this host, again and
    /// again, until one has printed a line: the end of a step ends everything
    /// that runs beside it.
    pub async fn inside(&self, script: &str) -> Result<Inside> {
        let said = async {
            loop {
                for container in self.labelled(&["ps", "-q"])? {
                    let mut child = AsyncCommand::new("docker")
                        .args(["exec", &container, "sh", "-c", script])
                        .stdin(Stdio::null())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::null())
                        .kill_on_drop(true)
                        .spawn()?;
                    let out = child.stdout.take().context("it is piped")?;
                    if BufReader::new(out).lines().next_line().await?.is_some() {
                        return anyhow::Ok(Inside {
                            container,
                            _script: child,
                        });
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, said)
            .await
            .with_context(|| format!("{script:?} printed nothing in any container"))?
    }

    /// Kills a container, as an engine does that dies.
    pub fn kill_container(&self, container: &str) -> Result<()> {
        let killed = Command::new("docker").args(["kill", container]).output()?;
        let said = String::from_utf8_lossy(&killed.stderr);
        ensure!(killed.status.success(), "{container} is killed: {said}");
        Ok(())
    }

    /// The containers that this host made since then, also those that are gone.
    /// The engine remembers a few hundred events of all containers.
    pub fn made_since(&self, moment: &Moment) -> Result<Vec<String>> {
        let now = Moment::now()?;
        self.labelled(&[
            "events",
            "--since",
            &moment.0,
            "--until",
            &now.0,
            "--filter",
            "type=container",
            "--filter",
            "event=create",
            "--format",
            "{{.ID}}",
        ])
    }
}
