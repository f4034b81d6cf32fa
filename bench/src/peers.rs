//! Peers that are programs of other people, or bring libraries that no other
//! build should pay for: built when a benchmark first needs them, beside what
//! this workspace builds and never into it.

use crate::benches::Setting;
use crate::program;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// The longest a build of a peer may take: a whole wasmtime, on two slow cores.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

/// How long a peer may take to answer a line.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// What `wasmtime serve` needs, and what makes it fast: the compiler and the
/// pool.
const SERVE: &str =
    "run,serve,component-model-async,cranelift,parallel-compilation,pooling-allocator";

/// The lock file of the workspace, which says which wasmtime the host has.
const LOCK: &str = include_str!("../../Cargo.lock");

/// Where peers are built and kept.
fn place() -> Result<PathBuf> {
    // This program stands in `TARGET/PROFILE`.
    let own = std::env::current_exe().context("find this program")?;
    let target = own.parent().and_then(Path::parent);
    Ok(target.context("find the target directory")?.join("peers"))
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The program that calls plugins through extism.
pub async fn extism(setting: &Setting) -> Result<PathBuf> {
    let target = place()?.join("extism");
    let manifest = setting.workspace.join("bench/extism/Cargo.toml");
    let mut build = program::program(&[cargo()])?;
    build
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target);
    let built = program::finish(build, BUILD_LIMIT).await?;
    ensure!(
        built.status.success(),
        "build the peer with extism: {}",
        built.stderr.trim()
    );
    Ok(target.join("release/sortie-bench-extism"))
}

/// The `wasmtime` program, of the release that the host is built with.
pub async fn wasmtime() -> Result<PathBuf> {
    let release = locked("wasmtime").context("find wasmtime's release in Cargo.lock")?;
    let place = place()?;
    let root = place.join(format!("wasmtime-{release}"));
    let program = root.join("bin/wasmtime");
    if program.is_file() {
        return Ok(program);
    }
    let mut build = program::program(&[cargo()])?;
    build
        .args(["install", "--locked", "--no-default-features"])
        .args(["--features", SERVE])
        .arg("--root")
        .arg(&root)
        .arg("--target-dir")
        .arg(place.join("wasmtime-build"))
        .arg(format!("wasmtime-cli@={release}"));
    let built = program::finish(build, BUILD_LIMIT).await?;
    ensure!(
        built.status.success(),
        "build wasmtime: {}",
        built.stderr.trim()
    );
    Ok(program)
}

/// The version of a package in the workspace's lock file.
fn locked(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"");
    let mut lines = LOCK.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"')
}

/// A peer that answers each line with one.
pub struct Peer {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts it; it is ended when this is dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, argument: &Path) -> Result<Self> {
        let mut command = program::program(&[program, argument])?;
        command.stdin(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let to = child.stdin.take().context("write to a peer")?;
        let from = child.stdout.take().context("read from a peer")?;
        Ok(Self {
            child,
            to,
            from: BufReader::new(from).lines(),
        })
    }

    /// Says a line; what it answers.
    ///
    /// # Errors
    /// When it ended, or is silent for too long.
    pub async fn ask(&mut self, line: &str) -> Result<String> {
        self.to.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = tokio::time::timeout(ANSWER_LIMIT, self.from.next_line())
            .await
            .map_err(|_| anyhow!("ask a peer: no answer within {ANSWER_LIMIT:?}"))?;
        match answer? {
            Some(answer) => Ok(answer),
            None => bail!("ask a peer: it ended with {}", self.child.wait().await?),
        }
    }

    /// Has it take so many samples.
    ///
    /// # Errors
    /// As [`Peer::ask`], and when it answers with others.
    pub async fn turn(&mut self, samples: u32) -> Result<Vec<f64>> {
        let answer = self.ask(&format!("turn {samples}")).await?;
        let taken: Vec<f64> = answer
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("understand a peer's samples")?;
        ensure!(
            taken.len() == samples as usize,
            "have a peer take {samples} samples: it took {}",
            taken.len()
        );
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_says_which_wasmtime() {
        let release = locked("wasmtime").unwrap();
        assert_eq!(release.split('.').count(), 3, "{release}");
        assert_eq!(locked("wasmtim"), None);
    }
}
