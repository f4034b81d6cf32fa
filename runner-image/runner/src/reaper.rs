//! PID 1 inherits every orphan and must collect it. All children are collected
//! here, in one place; whoever started one is told how it ended. Nothing else
//! in the runner may wait for a process.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A program to be started by a [`Reaper`]; every one in the runner begins here.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one door: whatever starts here is collected here"
)]
pub fn program(name: &str) -> Command {
    Command::new(name)
}

/// Starts processes and learns how they end. Cheap to clone.
#[derive(Clone, Default)]
pub struct Reaper {
    waiting: Rc<RefCell<HashMap<i32, oneshot::Sender<Ended>>>>,
}

/// A started process.
pub struct Started {
    /// Its pipes. Never waited for through this handle.
    pub child: Child,
    /// Its id, which is also its process group's.
    pub pid: i32,
    /// Resolves when it was collected.
    pub ended: oneshot::Receiver<Ended>,
}

impl Reaper {
    /// Begins to collect. Needs a `LocalSet`.
    pub fn start() -> io::Result<Self> {
        let reaper = Self::default();
        let mut children = signal(SignalKind::child())?;
        let collector = reaper.clone();
        tokio::task::spawn_local(async move {
            // Signals coalesce, so each one is answered by collecting all there are.
            loop {
                collector.collect();
                if children.recv().await.is_none() {
                    return;
                }
            }
        });
        Ok(reaper)
    }

    /// Starts a process in a group of its own.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Started> {
        // No await lies between start and registration, so on this one thread
        // the end cannot be collected before somebody listens.
        let child = command.process_group(0).spawn()?;
        let pid =
            i32::try_from(child.id()).map_err(|_| io::Error::other("process id out of range"))?;
        let (tell, ended) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, tell);
        Ok(Started { child, pid, ended })
    }

    fn collect(&self) {
        loop {
            let (pid, ended) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Ended::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Ended::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) | Err(nix::Error::ECHILD) => return,
                Ok(_) | Err(nix::Error::EINTR) => continue,
                Err(_) => return,
            };
            if let Some(tell) = self.waiting.borrow_mut().remove(&pid.as_raw()) {
                // Whoever started it may have given up on it.
                let _ = tell.send(ended);
            }
        }
    }
}
