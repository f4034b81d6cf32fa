//! The one door to other programs: the peers, and the `sortie` binary. Each
//! has a bound of time and reads no input.
//!
//! The peak memory of a program is known only to whoever waited for it and
//! for nothing else, so [`measured`] runs it from a process of its own: this
//! program again, see [`probe`].

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// The first argument that makes this program a probe.
pub const PROBE: &str = "__probe";

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A program with these arguments, ended when its handle is dropped.
#[expect(clippy::disallowed_methods, reason = "the door")]
pub fn program<S: AsRef<OsStr>>(argv: &[S]) -> Result<Command> {
    let (name, arguments) = argv
        .split_first()
        .context("start a program without a name")?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs a program to its end, whatever that is.
///
/// # Errors
/// When it cannot be started or takes longer than `limit`.
pub async fn finish(mut command: Command, limit: Duration) -> Result<Finished> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = tokio::time::timeout(limit, command.output())
        .await
        .map_err(|_| anyhow!("wait for {name}: it took longer than {limit:?}"))?
        .with_context(|| format!("start {name}; is it installed?"))?;
    Ok(Finished {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a program that must succeed; its standard output.
///
/// # Errors
/// As [`finish`], and when it fails.
pub async fn succeed<S: AsRef<OsStr>>(argv: &[S], limit: Duration) -> Result<String> {
    let name = argv.first().map(|name| name.as_ref().to_string_lossy());
    let done = finish(program(argv)?, limit).await?;
    ensure!(
        done.status.success(),
        "run {}: {}: {}",
        name.unwrap_or_default(),
        done.status,
        done.stderr.trim()
    );
    Ok(done.stdout)
}

/// How long it took until a program printed its first byte. Its end is waited
/// for, but does not count.
///
/// # Errors
/// As [`finish`], and when it fails or prints nothing.
pub async fn first_byte<S: AsRef<OsStr>>(argv: &[S], limit: Duration) -> Result<Duration> {
    let mut command = program(argv)?;
    tokio::time::timeout(limit, async {
        let begun = Instant::now();
        let mut child = command.spawn().context("start a program")?;
        let mut out = child.stdout.take().context("read a program's output")?;
        let mut byte = [0];
        let read = out.read(&mut byte).await?;
        let taken = begun.elapsed();
        let done = child.wait_with_output().await?;
        ensure!(
            read == 1 && done.status.success(),
            "run a program: {}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr).trim()
        );
        Ok(taken)
    })
    .await
    .map_err(|_| anyhow!("wait for a program's output: nothing within {limit:?}"))?
}

/// What a program used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// From start to end, in milliseconds.
    pub wall_ms: f64,
    /// The most memory it held at once, in bytes.
    pub peak_bytes: u64,
    /// Its exit status.
    pub code: Option<i32>,
}

/// Runs a program without its output and says what it used. Its exit status
/// is among that.
///
/// # Errors
/// When it cannot be run or takes longer than `limit`.
pub async fn measured<S: AsRef<OsStr>>(argv: &[S], limit: Duration) -> Result<Usage> {
    let own = std::env::current_exe().context("find this program")?;
    let mut with_probe = vec![own.as_os_str(), OsStr::new(PROBE)];
    with_probe.extend(argv.iter().map(AsRef::as_ref));
    let text = succeed(&with_probe, limit).await?;
    serde_json::from_str(&text).context("understand the probe")
}

/// The probe: runs one program, waits for it and prints its [`Usage`].
///
/// # Errors
/// When the program cannot be run.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the door, and the probe's answer"
)]
pub fn probe(argv: &[std::ffi::OsString]) -> Result<()> {
    let (name, arguments) = argv
        .split_first()
        .context("probe a program without a name")?;
    let begun = Instant::now();
    let status = std::process::Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("start {}", name.display()))?;
    let wall = begun.elapsed();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).context("read what a program used")?;
    let peak_kib = u64::try_from(used.max_rss()).context("read a program's peak memory")?;
    let usage = Usage {
        wall_ms: crate::measure::millis(wall),
        peak_bytes: peak_kib * 1024,
        code: status.code(),
    };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(())
}

/// Memory of a running process: what is resident, and its fair share of that
/// which it shares with others, in bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident(process: u32) -> Result<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))
        .context("read a process's memory")?;
    let field = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
    };
    match (field("Rss:"), field("Pss:")) {
        (Some(rss), Some(pss)) => Ok((rss, pss)),
        _ => bail!("read a process's memory: the kernel does not say"),
    }
}

/// Asks a process to end, and waits until it did.
///
/// # Errors
/// When it does not end within `limit`; it is killed then.
pub async fn end(mut child: Child, limit: Duration) -> Result<()> {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    if let Some(id) = child.id() {
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM).context("end a program")?;
    }
    tokio::time::timeout(limit, child.wait())
        .await
        .map_err(|_| anyhow!("wait for a program to end: it did not within {limit:?}"))??;
    Ok(())
}

/// Whether a file system keeps its files in memory: a sync costs nothing
/// there, and benchmarks of durability mean nothing.
///
/// # Errors
/// When `path` is not there.
pub fn in_memory(path: &Path) -> Result<bool> {
    let kind = nix::sys::statfs::statfs(path)
        .with_context(|| format!("look at the file system of {}", path.display()))?
        .filesystem_type();
    Ok(kind == nix::sys::statfs::TMPFS_MAGIC)
}
