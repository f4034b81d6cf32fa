//! PID 1: brings the parts up, and the container down.

use crate::config::Config;
use crate::limits::{FAREWELL, STRAYS_LIMIT};
use crate::reaper::Reaper;
use crate::step::Steps;
use crate::wall::Wall;
use crate::wires::{self, Wires};
use crate::{loopback, strays};
use sortie_wire::message::{KillReason, Open, RunnerError};
use sortie_wire::{place, status};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Everything the parts share.
pub struct Runner {
    pub config: Config,
    pub reaper: Reaper,
    pub wall: Wall,
    pub wires: Wires,
    pub steps: Steps,
    /// The commit that the repository was made at.
    pub base: RefCell<Option<String>>,
    /// What has the workspace to itself.
    holder: watch::Sender<Option<Holder>>,
    stopping: Cell<bool>,
}

/// What has the workspace to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The step of this id.
    Step(String),
    /// Work on the repository.
    Repository,
}

/// The right to act on the workspace, until dropped.
pub struct Hold(Rc<Runner>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holder.send_replace(None);
    }
}

impl Runner {
    /// Takes the workspace: one thing at a time, because what ends a step ends
    /// every process there is. A running step makes this fail; work on the
    /// repository is waited for, because it is bounded and may be what a host
    /// that is gone had asked for.
    pub async fn hold(self: &Rc<Self>, holder: Holder) -> Result<Hold, RunnerError> {
        let mut changed = self.holder.subscribe();
        loop {
            if self.stopping.get() {
                return Err(RunnerError::ShuttingDown);
            }
            let current = changed.borrow_and_update().clone();
            match current {
                None => {
                    self.holder.send_replace(Some(holder));
                    return Ok(Hold(self.clone()));
                }
                Some(Holder::Step(step)) => return Err(RunnerError::Busy { step }),
                Some(Holder::Repository) => {
                    // Cannot fail: the sender is in `self`.
                    let _ = changed.changed().await;
                }
            }
        }
    }
}

/// Runs until told to stop or time is over; returns the status to exit with.
pub async fn run(config: Config) -> Result<i32, String> {
    if std::process::id() != 1 {
        return Err("failed to start: this must be the first process of a container".into());
    }
    let failed = |what: &str, e: std::io::Error| format!("failed to {what}: {e}");
    for directory in [place::HOME, place::OWN] {
        std::fs::create_dir_all(directory).map_err(|e| failed(&format!("make {directory}"), e))?;
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed("catch signals", e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| failed("catch signals", e))?;
    let socket = wires::listen().map_err(|e| failed("listen for the wire", e))?;
    let egress = loopback::bind(place::EGRESS)
        .await
        .map_err(|e| failed("listen for egress", e))?;
    let llm = loopback::bind(place::LLM)
        .await
        .map_err(|e| failed("listen for models", e))?;
    let runner = Rc::new(Runner {
        wall: Wall::new(config.wall_limit),
        reaper: Reaper::start().map_err(|e| failed("collect children", e))?,
        wires: Wires::new(),
        steps: Steps::default(),
        base: RefCell::new(None),
        holder: watch::Sender::new(None),
        stopping: Cell::new(false),
        config,
    });
    tokio::task::spawn_local(wires::later(runner.clone(), socket));
    tokio::task::spawn_local(loopback::serve(runner.wires.watch(), egress, Open::Egress));
    tokio::task::spawn_local(loopback::serve(runner.wires.watch(), llm, Open::Llm));

    let first = wires::first(&runner);
    let ending = async {
        tokio::select! {
            () = runner.wall.over() => (KillReason::WallLimit, status::WALL_LIMIT),
            _ = terminate.recv() => (KillReason::ShuttingDown, status::STOPPED),
            _ = interrupt.recv() => (KillReason::ShuttingDown, status::STOPPED),
        }
    };
    tokio::pin!(ending);
    let (reason, code) = tokio::select! {
        claimed = first => match claimed {
            Ok(()) => ending.await,
            // Nothing ever ran here.
            Err(_) => return Ok(status::UNCLAIMED),
        },
        ended = &mut ending => ended,
    };
    stop(&runner, reason).await;
    Ok(code)
}

/// Ends the step that runs, lets an attached host hear of it, and ends
/// everything else. Returns within a bounded time, whatever the step does.
async fn stop(runner: &Rc<Runner>, reason: KillReason) {
    runner.stopping.set(true);
    let ended = runner.steps.end_running(reason);
    if tokio::time::timeout(STRAYS_LIMIT, ended).await.is_err() {
        // Ends whatever it was; this process's own end ends the rest.
        let _ = strays::kill_all(runner.wires.bridge()).await;
    }
    let session = runner.wires.watch().borrow().clone();
    if let Some(session) = session {
        // The host closes the wire once it has read what it wanted.
        let _ = tokio::time::timeout(FAREWELL, session.closed()).await;
        session.close();
        session.closed().await;
    }
}
