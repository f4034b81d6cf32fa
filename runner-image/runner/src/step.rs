//! Steps: one program each, with everything it starts.
//!
//! A step ends when its program ends, when a limit passes or when somebody
//! asks for it; in each case every process in the container but the runner's
//! own ends with it. A step runs on when the host goes away.

use crate::daemon::{Hold, Holder, Runner};
use crate::journal::{Journal, Read};
use crate::limits::{DRAIN_LIMIT, JOURNALS_KEPT, KILL_GRACE};
use crate::reaper::{Ended, Started as Process};
use crate::watch::Watch;
use crate::{files, oom, reaper, strays};
use bytes::Bytes;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use sortie_wire::limits::{CHUNK_MAX_BYTES, OUTPUT_LIMIT_MAX_BYTES, STEP_ID_MAX_BYTES, STEPS_MAX};
use sortie_wire::message::{
    ExitReport, ExitStatus, KillReason, OutputFrame, OutputStream, RunnerError, Started, StepSpec,
    StepStatus,
};
use sortie_wire::place;
use std::cell::{Cell, RefCell};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::watch as channel;
use tokio::time::Instant;

/// One step, running or ended.
pub struct Step {
    id: String,
    journal: RefCell<Journal>,
    exit: Cell<Option<ExitReport>>,
    /// Told whenever there is more to read, or the step ended.
    changed: channel::Sender<()>,
    wanted: channel::Sender<Option<KillReason>>,
}

impl Step {
    /// Asks the step to end; the first reason stands.
    pub fn end(&self, reason: KillReason) {
        self.wanted.send_if_modified(|wanted| match wanted {
            Some(_) => false,
            None => {
                *wanted = Some(reason);
                true
            }
        });
    }

    /// Waits for the end, with all processes gone.
    pub async fn ended(&self) -> ExitReport {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(exit) = self.exit.get() {
                return exit;
            }
            // Cannot fail: the sender is in `self`.
            let _ = changed.changed().await;
        }
    }

    /// The next frame of output from `from` on; waits for it.
    pub async fn next(&self, from: u64) -> OutputFrame {
        let mut changed = self.changed.subscribe();
        loop {
            let read = self.journal.borrow().read(from);
            match (read, self.exit.get()) {
                (
                    Read::Data {
                        stream,
                        offset,
                        bytes,
                    },
                    _,
                ) => {
                    return OutputFrame::Data {
                        stream,
                        offset,
                        bytes,
                    };
                }
                (Read::End, Some(exit)) => return OutputFrame::Exit(exit),
                _ => {
                    // Cannot fail: the sender is in `self`.
                    let _ = changed.changed().await;
                }
            }
        }
    }
}

/// The steps started so far, in order.
#[derive(Default)]
pub struct Steps(RefCell<Vec<Rc<Step>>>);

impl Steps {
    pub fn find(&self, id: &str) -> Result<Rc<Step>, RunnerError> {
        let steps = self.0.borrow();
        let found = steps.iter().find(|step| step.id == id);
        found.cloned().ok_or_else(|| RunnerError::UnknownStep {
            step: id.to_owned(),
        })
    }

    pub fn status(&self) -> Vec<StepStatus> {
        self.0
            .borrow()
            .iter()
            .map(|step| StepStatus {
                id: step.id.clone(),
                exit: step.exit.get(),
            })
            .collect()
    }

    /// Ends the step that runs, if one does, and waits for it.
    pub async fn end_running(&self, reason: KillReason) {
        let running = self
            .0
            .borrow()
            .iter()
            .find(|step| step.exit.get().is_none())
            .cloned();
        if let Some(step) = running {
            step.end(reason);
            step.ended().await;
        }
    }

    /// Of the oldest ended steps only the exit is kept.
    fn forget_old(&self) {
        let steps = self.0.borrow();
        let ended = steps.iter().rev().filter(|step| step.exit.get().is_some());
        ended
            .skip(JOURNALS_KEPT)
            .for_each(|step| step.journal.borrow_mut().forget());
    }
}

/// Starts a step, or finds the one that was started under its id.
pub async fn start(runner: &Rc<Runner>, spec: StepSpec) -> Result<Started, RunnerError> {
    if runner.steps.find(&spec.id).is_ok() {
        return Ok(Started::Known);
    }
    check(&spec, runner.steps.0.borrow().len())?;
    let hold = runner.hold(Holder::Step(spec.id.clone())).await?;
    if runner.steps.find(&spec.id).is_ok() {
        // Two asked for it while the repository was being worked on.
        return Ok(Started::Known);
    }
    files::directory(place::HOME)?;
    files::directory(&spec.cwd)?;
    spec.files.iter().try_for_each(files::write)?;
    let (program, arguments) = spec
        .argv
        .split_first()
        .ok_or_else(|| invalid("it has no program"))?;
    let mut command = reaper::program(program);
    command
        .args(arguments)
        .current_dir(&spec.cwd)
        .envs(environment())
        .envs(spec.env.iter().map(|(k, v)| (k, v)));
    command.env("SORTIE_STEP", &spec.id);
    command.stdin(if spec.stdin.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let oom_before = oom::kills();
    let process = runner
        .reaper
        .spawn(&mut command)
        .map_err(|e| RunnerError::Spawn {
            program: program.clone(),
            reason: e.to_string(),
        })?;
    // When memory runs out, the step goes before the runner. It may itself
    // already be gone.
    let _ = std::fs::write(format!("/proc/{}/oom_score_adj", process.pid), "1000");
    let step = Rc::new(Step {
        id: spec.id,
        journal: RefCell::new(Journal::new(
            spec.output_limit_bytes.min(OUTPUT_LIMIT_MAX_BYTES),
        )),
        exit: Cell::new(None),
        changed: channel::Sender::new(()),
        wanted: channel::Sender::new(None),
    });
    runner.steps.0.borrow_mut().push(step.clone());
    let limit = Duration::from_millis(spec.wall_limit_ms);
    tokio::task::spawn_local(supervise(
        runner.clone(),
        hold,
        step,
        process,
        spec.stdin,
        limit,
        oom_before,
    ));
    Ok(Started::Fresh)
}

fn invalid(why: &str) -> RunnerError {
    RunnerError::Invalid {
        reason: format!("the step cannot be started: {why}"),
    }
}

fn check(spec: &StepSpec, started: usize) -> Result<(), RunnerError> {
    if spec.id.is_empty() || spec.id.len() > STEP_ID_MAX_BYTES {
        return Err(invalid("its id must have 1 to 128 bytes"));
    }
    if started >= STEPS_MAX {
        return Err(invalid("the container has run too many steps"));
    }
    let words = spec.argv.iter().chain([&spec.id, &spec.cwd]);
    if words
        .chain(spec.env.iter().flat_map(|(k, v)| [k, v]))
        .any(|word| word.contains('\0'))
    {
        return Err(invalid("an argument or variable contains a zero byte"));
    }
    if spec
        .env
        .iter()
        .any(|(name, _)| name.is_empty() || name.contains('='))
    {
        return Err(invalid("a variable's name is empty or contains `=`"));
    }
    Ok(())
}

/// What every step's environment has besides the image's own.
fn environment() -> Vec<(&'static str, String)> {
    let proxy = format!("http://{}", place::EGRESS);
    let mut environment: Vec<_> = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"]
        .into_iter()
        .map(|name| (name, proxy.clone()))
        .collect();
    for name in ["NO_PROXY", "no_proxy"] {
        environment.push((name, "127.0.0.1,localhost,::1".into()));
    }
    // Node's own `fetch` asks for a proxy only when it is told to.
    environment.push(("NODE_USE_ENV_PROXY", "1".into()));
    environment.push(("HOME", place::HOME.into()));
    environment.push(("TMPDIR", "/tmp".into()));
    environment
}

/// How it came to the end, before the details are known.
enum Cause {
    Own(Ended),
    TimedOut,
    Wanted(KillReason),
}

async fn supervise(
    runner: Rc<Runner>,
    hold: Hold,
    step: Rc<Step>,
    mut process: Process,
    stdin: Option<Bytes>,
    limit: Duration,
    oom_before: Option<u64>,
) {
    let begun = Instant::now();
    let mut drains = Vec::new();
    if let Some(pipe) = process.child.stdout.take() {
        drains.push(drain(step.clone(), pipe.into(), OutputStream::Stdout));
    }
    if let Some(pipe) = process.child.stderr.take() {
        drains.push(drain(step.clone(), pipe.into(), OutputStream::Stderr));
    }
    let drains: Vec<_> = drains.into_iter().map(tokio::task::spawn_local).collect();
    let feed = process
        .child
        .stdin
        .take()
        .map(|pipe| tokio::task::spawn_local(feed(pipe.into(), stdin)));
    let watch = Rc::new(Watch::new(&runner.config));
    let watching = tokio::task::spawn_local(watch.clone().run(step.clone()));

    let mut wanted = step.wanted.subscribe();
    let cause = tokio::select! {
        ended = &mut process.ended => Cause::Own(ended.unwrap_or(Ended::Signal(Signal::SIGKILL as i32))),
        () = tokio::time::sleep(limit) => Cause::TimedOut,
        // Cannot fail: the sender is in `step`.
        reason = wanted.wait_for(Option::is_some) =>
            Cause::Wanted(reason.ok().and_then(|reason| *reason).unwrap_or(KillReason::Cancelled)),
    };
    watching.abort();
    if let Some(feed) = feed {
        feed.abort();
    }
    if matches!(
        cause,
        Cause::TimedOut | Cause::Wanted(KillReason::Cancelled)
    ) {
        // It may have something to put in order; it need not be believed to.
        let _ = killpg(Pid::from_raw(process.pid), Signal::SIGTERM);
        let _ = tokio::time::timeout(KILL_GRACE, &mut process.ended).await;
    }
    let strays_killed = strays::kill_all(runner.wires.bridge())
        .await
        .unwrap_or(u32::MAX);
    let overfull = matches!(cause, Cause::Own(_)) && watch.is_full().await;
    // With every writer dead the pipes run dry and end.
    let dry = async {
        for drain in drains {
            let _ = drain.await;
        }
    };
    let _ = tokio::time::timeout(DRAIN_LIMIT, dry).await;

    let oom_kills = match (oom_before, oom::kills()) {
        (Some(before), Some(after)) => {
            u32::try_from(after.saturating_sub(before)).unwrap_or(u32::MAX)
        }
        _ => 0,
    };
    let (output_bytes, output_truncated) = {
        let mut journal = step.journal.borrow_mut();
        journal.close();
        (journal.total(), journal.truncated())
    };
    step.exit.set(Some(ExitReport {
        status: match cause {
            Cause::Own(_) if overfull => ExitStatus::Killed(KillReason::WorkspaceFull),
            Cause::Own(ended) => own_status(ended, oom_kills),
            Cause::TimedOut => ExitStatus::TimedOut,
            Cause::Wanted(reason) => ExitStatus::Killed(reason),
        },
        output_bytes,
        output_truncated,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        strays_killed,
        oom_kills,
    }));
    runner.steps.forget_old();
    // Whoever hears of the end may start the next step at once.
    drop(hold);
    step.changed.send_replace(());
}

fn own_status(ended: Ended, oom_kills: u32) -> ExitStatus {
    const KILLED: i32 = Signal::SIGKILL as i32;
    match ended {
        // 137 is how a shell passes on that its command was killed.
        Ended::Signal(KILLED) | Ended::Code(137) if oom_kills > 0 => ExitStatus::Oom,
        Ended::Code(code) => ExitStatus::Code(code),
        Ended::Signal(signal) => ExitStatus::Signal(signal),
    }
}

/// Reads a pipe to its end, whatever the journal keeps of it: a step that
/// prints too much must not come to a halt over it.
async fn drain(step: Rc<Step>, pipe: std::os::fd::OwnedFd, stream: OutputStream) {
    let Ok(mut pipe) = pipe::Receiver::from_owned_fd(pipe) else {
        return;
    };
    let mut buffer = vec![0; CHUNK_MAX_BYTES];
    while let Ok(n) = pipe.read(&mut buffer).await {
        if n == 0 {
            return;
        }
        step.journal.borrow_mut().append(stream, &buffer[..n]);
        step.changed.send_replace(());
    }
}

async fn feed(pipe: std::os::fd::OwnedFd, bytes: Option<Bytes>) {
    if let (Ok(mut pipe), Some(bytes)) = (pipe::Sender::from_owned_fd(pipe), bytes) {
        // A program that does not read its input may do so.
        let _ = pipe.write_all(&bytes).await;
    }
}
