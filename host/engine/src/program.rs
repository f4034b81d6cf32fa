//! Runs one program in the workspace: starts it or finds it running, keeps its
//! output, and says how it ended.

use crate::drive::RunContext;
use crate::egress;
use crate::fault::Fault;
use crate::log::LogLine;
use crate::steps::round::{self, Met};
use crate::steps::{millis, out_of_time};
use crate::workspace::WALL_GRACE;
use sortie_model::run::Step;
use sortie_plugins::surfaces::agent::Exit;
use sortie_sandbox::{
    ExitStatus, KillReason, Output, OutputStream, SandboxError, StepSpec, Workspace,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The end of the output that workflows and people are shown, in bytes.
const TAIL_BYTES: usize = 16 * 1024;
/// How often a step goes on over a new wire before the attempt is given up.
const MAX_REATTACHES: u32 = 20;
/// What the host waits beyond a step's limit for the runner to enforce it.
const LIMIT_GRACE: Duration = Duration::from_secs(20);

/// How long a program may go on after its output said that it was done. Long
/// enough to write its last files, short enough that nobody waits for one that
/// hangs after its work, as agents have been seen to.
const DONE_GRACE: Duration = Duration::from_secs(15);

/// How long each chunk of output beyond the step's limit takes at least, about
/// 1 MiB in a second: an agent that says much is heard to its end, and one that
/// floods costs the host little. What it says faster is lost, but for its end.
const FLOOD_PACE: Duration = Duration::from_millis(50);

/// Reads output as it arrives. Made anew whenever the output is replayed.
pub(crate) trait Reader: Send {
    /// Takes the next chunk, in the order of the output.
    fn read(&mut self, output: &Output) -> impl Future<Output = Result<(), Fault>> + Send;

    /// When the program is to be stopped if nothing is read before; none for
    /// never.
    fn alarm(&self) -> Option<Instant> {
        None
    }

    /// That moment came.
    fn ring(&mut self) {}

    /// Whether the program is to be stopped now.
    fn stops(&self) -> bool {
        false
    }

    /// It is stopped next, for that reason.
    fn stopping(&mut self) -> impl Future<Output = Result<(), Fault>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether what was read said that the program is done.
    fn is_done(&self) -> bool {
        false
    }
}

/// How a program is to begin.
pub(crate) struct Launch {
    pub(crate) spec: StepSpec,
    /// What the run has left of its time; the program may have less.
    pub(crate) left_ms: u64,
    /// Whether it finds what commands before it made, also in a container that is
    /// a new one.
    pub(crate) finds_made: bool,
    /// Whether what they left is removed first, so that it is not taken for its
    /// own work; what git ignores stays.
    pub(crate) tidies: bool,
    /// Whether what it leaves itself is not the run's work.
    pub(crate) litters: bool,
    /// What programs of the same step came to before, which it goes on from in
    /// their container; none for the first.
    pub(crate) after: Option<SoFar>,
}

/// What the programs of a step came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SoFar {
    /// How much they printed.
    pub(crate) bytes: u64,
    /// What the runner says that they took.
    worked: Duration,
}

/// How a program ended.
pub(crate) struct Ran<R> {
    pub(crate) exit: Exit,
    pub(crate) timed_out: bool,
    /// It was the run that had no time left.
    pub(crate) out_of_time: bool,
    pub(crate) workspace_full: bool,
    /// It was stopped because it went on after it said that it was done.
    pub(crate) lingered: bool,
    /// It was stopped before its end, for another reason than its limits.
    pub(crate) killed: bool,
    /// This host had it stopped; else one before did, which kept the reason to
    /// itself.
    pub(crate) stopped_here: bool,
    pub(crate) out_of_memory: bool,
    pub(crate) tail: String,
    /// With those before it, in the container that it ended in.
    pub(crate) so_far: SoFar,
    pub(crate) reader: R,
    pub(crate) workspace: Workspace,
}

/// Runs a program to its end, over as many wires and in as many containers as it
/// takes.
pub(crate) async fn run<R, M, F>(
    context: &RunContext,
    step: &Step,
    launch: Launch,
    mut make_reader: M,
) -> Result<Ran<R>, Fault>
where
    R: Reader,
    M: FnMut() -> F,
    F: Future<Output = Result<R, Fault>>,
{
    let launch = with_mirrors(context, launch);
    let mut reattached = 0;
    // What went by on wires that broke.
    let mut spent = Duration::ZERO;
    loop {
        let workspace = context.workspace.ensure(context).await?;
        let began = Instant::now();
        let tried = attempt(context, step, &launch, workspace, spent, &mut make_reader);
        match tried.await {
            Err(Broken::Wire(error)) if reattached < MAX_REATTACHES => {
                reattached += 1;
                spent += began.elapsed();
                tracing::warn!(%error, run = context.fence.run.0, "the wire broke; looking for the sandbox");
                context.workspace.lost().await;
            }
            Err(Broken::Wire(error)) => return Err(error.into()),
            Err(Broken::Fault(fault)) => return Err(fault),
            Ok(ran) => {
                // A host before this one may have seen it begin; no program of a
                // run may take longer than the run.
                let most = Duration::from_millis(context.limits.time_ms);
                context.stint.at_least(ran.so_far.worked.min(most));
                return Ok(ran);
            }
        }
    }
}

/// The same program with what tells the package managers of the host's mirrors.
pub(crate) fn with_mirrors(context: &RunContext, mut launch: Launch) -> Launch {
    egress::tell_of_mirrors(context, &mut launch.spec);
    launch
}

/// Runs it over one wire, once the workspace is ready for it. `spent` is what
/// went by before.
async fn attempt<R, M, F>(
    context: &RunContext,
    step: &Step,
    launch: &Launch,
    workspace: Workspace,
    spent: Duration,
    make_reader: &mut M,
) -> Result<Ran<R>, Broken>
where
    R: Reader,
    M: FnMut() -> F,
    F: Future<Output = Result<R, Fault>>,
{
    let began = Instant::now();
    let whole = Duration::from_millis(launch.left_ms);
    let left = whole.saturating_sub(spent);
    let met = round::ready(context, step, launch, &workspace, left).await?;
    let left = match met {
        // It has kept its limit since it began.
        Met::Known => whole,
        Met::Ready => left,
        Met::MadeAgain => left.saturating_sub(began.elapsed()),
    };
    if left.is_zero() {
        return Err(out_of_time(context).into());
    }
    let reader = make_reader().await?;
    begin(context, step, launch, workspace, left, reader).await
}

/// Starts it, or finds it, in a workspace that is ready for it, and follows it to
/// its end: at the latest when the run has nothing of what is `left` any more.
pub(crate) async fn begin<R: Reader>(
    context: &RunContext,
    step: &Step,
    launch: &Launch,
    workspace: Workspace,
    left: Duration,
    reader: R,
) -> Result<Ran<R>, Broken> {
    if launch.litters {
        context.workspace.littered().await;
    }
    let left_ms = millis(left);
    let mut spec = launch.spec.clone();
    spec.wall_limit_ms = spec.wall_limit_ms.min(left_ms);
    let before = launch.after.unwrap_or_default();
    let mut ran = follow(context, step, &spec, before, workspace, reader).await?;
    // One that was found at work may have begun with less than its own limit,
    // which is then what the run had left.
    let took_ms = millis(ran.so_far.worked.saturating_sub(before.worked));
    ran.out_of_time =
        ran.timed_out && (spec.wall_limit_ms == left_ms || took_ms < spec.wall_limit_ms);
    Ok(ran)
}

/// Why a program could not be followed to its end.
pub(crate) enum Broken {
    /// The wire is gone, and perhaps the container.
    Wire(SandboxError),
    /// Something else stood in the way.
    Fault(Fault),
}

impl From<SandboxError> for Broken {
    fn from(error: SandboxError) -> Self {
        match error.is_transient() {
            true => Self::Wire(error),
            false => Self::Fault(error.into()),
        }
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn follow<R: Reader>(
    context: &RunContext,
    step: &Step,
    spec: &StepSpec,
    before: SoFar,
    workspace: Workspace,
    mut reader: R,
) -> Result<Ran<R>, Broken> {
    // The container's own clock is the backstop for a host that is gone; each
    // step moves it on, since the host's work in between is not on it.
    let limit = Duration::from_millis(spec.wall_limit_ms);
    workspace.set_wall(limit + WALL_GRACE).await?;
    let mut program = workspace.start(spec.clone()).await?;
    let mut tail = Tail::default();
    let deadline = tokio::time::sleep(limit + LIMIT_GRACE);
    tokio::pin!(deadline);
    let (mut overdue, mut stopped) = (false, false);
    let mut done_at = None;
    let mut so_far = before;
    loop {
        if reader.stops() && !stopped {
            stopped = true;
            reader.stopping().await?;
            program.kill().await?;
        }
        let alarm = reader.alarm().filter(|_| !stopped).map(Into::into);
        let output = tokio::select! {
            output = program.next_output() => output?,
            () = after(alarm), if done_at.is_none() => {
                reader.ring();
                continue;
            }
            () = after(done_at), if !stopped => {
                stopped = true;
                program.kill().await?;
                continue;
            }
            () = &mut deadline, if !overdue => {
                // The runner keeps the limit; this is for a runner that lies.
                overdue = true;
                program.kill().await?;
                continue;
            }
        };
        let Some(output) = output else { break };
        tail.push(&output.bytes);
        so_far.bytes = before.bytes + output.offset + output.bytes.len() as u64;
        let floods = output.offset > spec.output_limit_bytes;
        if !floods {
            keep(context, step, &output, before.bytes + output.offset).await;
        }
        reader.read(&output).await?;
        // What it says because it is stopped is not its own end.
        if done_at.is_none() && !stopped && reader.is_done() {
            done_at = Some(tokio::time::Instant::now() + DONE_GRACE);
        }
        if floods && !stopped {
            tokio::time::sleep(FLOOD_PACE).await;
        }
    }
    let exit = program.wait().await?;
    so_far.worked += Duration::from_millis(exit.duration_ms);
    let tail = context
        .options
        .redactor
        .redact(&tail.into_text())
        .into_owned();
    let was_stopped = !overdue && exit.status == ExitStatus::Killed(KillReason::Cancelled);
    // Also when a host before this one told it to.
    let lingered = was_stopped && done_at.is_some();
    if exit.output_truncated {
        let said = format!(
            "the output went over {} bytes; of the rest its end is kept:\n{tail}",
            spec.output_limit_bytes
        );
        let now = context.options.clock.now();
        let _ = context
            .log
            .lock()
            .await
            .say(now, &step.name, step.position, &said)
            .await;
    }
    let timed_out = overdue
        || matches!(
            exit.status,
            ExitStatus::TimedOut | ExitStatus::Killed(KillReason::WallLimit)
        );
    Ok(Ran {
        out_of_memory: matches!(exit.status, ExitStatus::Oom),
        workspace_full: matches!(exit.status, ExitStatus::Killed(KillReason::WorkspaceFull)),
        exit: match lingered {
            true => Exit::Stopped("it went on after it said that it was done".to_owned()),
            false => as_exit(exit.status),
        },
        timed_out,
        out_of_time: false,
        lingered,
        killed: was_stopped && !lingered,
        stopped_here: stopped,
        tail,
        so_far,
        reader,
        workspace,
    })
}

/// Waits until then; without a time, for ever.
async fn after(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Writes a piece to the log that begins at `offset` of the step's output.
async fn keep(context: &RunContext, step: &Step, output: &Output, offset: u64) {
    let end = offset + output.bytes.len() as u64;
    let mut log = context.log.lock().await;
    // A replay comes in other pieces than the first time: what is new of one
    // may begin in its middle.
    let known = log.written(step.position).clamp(offset, end) - offset;
    let bytes = &output.bytes[usize::try_from(known).unwrap_or(usize::MAX)..];
    if bytes.is_empty() {
        return;
    }
    let line = LogLine {
        at: context.options.clock.now(),
        step: step.name.clone(),
        position: step.position,
        stream: match output.stream {
            OutputStream::Stdout => "stdout",
            OutputStream::Stderr => "stderr",
        }
        .to_owned(),
        end,
        text: context
            .options
            .redactor
            .redact(&String::from_utf8_lossy(bytes))
            .into_owned(),
    };
    // A log that cannot be written (a full disk) costs the log, not the job.
    if let Err(error) = log.append(line).await {
        tracing::warn!(%error, run = context.fence.run.0, "a line of the log is lost");
    }
}

fn as_exit(status: ExitStatus) -> Exit {
    let why = match status {
        ExitStatus::Code(code) => return Exit::Code(code),
        ExitStatus::Signal(signal) => return Exit::Signal(signal),
        ExitStatus::TimedOut | ExitStatus::Killed(KillReason::WallLimit) => {
            "it took longer than it may"
        }
        ExitStatus::Killed(KillReason::WorkspaceFull) => "the workspace is full",
        ExitStatus::Killed(KillReason::Cancelled) => "the host stopped it",
        ExitStatus::Killed(KillReason::ShuttingDown) => "the sandbox was stopped",
        ExitStatus::Oom => "the sandbox ran out of memory",
    };
    Exit::Stopped(why.to_owned())
}

/// The last bytes of a stream.
#[derive(Default)]
struct Tail(VecDeque<u8>);

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let over = (self.0.len() + bytes.len()).saturating_sub(TAIL_BYTES);
        self.0.drain(..over.min(self.0.len()));
        self.0.extend(bytes);
    }

    /// Cut at a character boundary.
    fn into_text(self) -> String {
        let bytes = Vec::from(self.0);
        let start = bytes
            .iter()
            .take(4)
            .position(|b| b & 0b1100_0000 != 0b1000_0000)
            .unwrap_or(0);
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_end_and_whole_characters() {
        let mut tail = Tail::default();
        tail.push("é".repeat(TAIL_BYTES).as_bytes());
        tail.push(b"x");
        let text = tail.into_text();
        assert!(text.len() <= TAIL_BYTES && text.ends_with('x'));
        assert!(text.starts_with('é'), "no half character in front");
    }

    #[test]
    fn a_short_output_is_kept_whole() {
        let mut tail = Tail::default();
        tail.push(b"one\n");
        tail.push(b"two\n");
        assert_eq!(tail.into_text(), "one\ntwo\n");
    }
}
