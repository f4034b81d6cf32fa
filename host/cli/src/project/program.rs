//! The door to other programs: an author's own build commands. They run as the
//! author would run them, in the author's environment and for as long as they
//! take; what they print is progress and goes to stderr.

use crate::exit::CliError;
use crate::out::Out;
use std::ffi::OsString;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How much of a failed program's output an error repeats, for machines.
const TAIL_BYTES: u64 = 4_000;

/// A program and how it is run.
#[derive(Debug, Default)]
pub struct Program {
    pub program: OsString,
    pub args: Vec<OsString>,
    pub dir: PathBuf,
    pub set: Vec<(&'static str, OsString)>,
    pub unset: Vec<&'static str>,
}

impl Program {
    /// Runs it to its end.
    pub fn run(&self, out: &Out) -> Result<(), CliError> {
        let name = self.program.to_string_lossy().into_owned();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                CliError::failed(format!("run {name}: it is not installed, or not on PATH"))
            }
            _ => CliError::failed(format!("run {name}: {error}")),
        };
        let mut kept = None;
        let (stdout, stderr) = if out.is_json() {
            let file = tempfile::tempfile().map_err(failed)?;
            let both = (
                file.try_clone().map_err(failed)?,
                file.try_clone().map_err(failed)?,
            );
            kept = Some(file);
            (Stdio::from(both.0), Stdio::from(both.1))
        } else {
            (Stdio::from(std::io::stderr()), Stdio::inherit())
        };
        let status = self
            .command()
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .map_err(failed)?;
        if status.success() {
            return Ok(());
        }
        let said = match kept {
            Some(file) => format!("; it said:\n{}", tail(file).map_err(failed)?),
            None => "; what it said is above".to_owned(),
        };
        Err(CliError::failed(format!(
            "run {name}: it {}{said}",
            ended(status)
        )))
    }

    /// What it prints, when it can be run and succeeds.
    pub fn ask(&self) -> Option<String> {
        let output = self
            .command()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = output.status.success().then_some(output.stdout)?;
        Some(String::from_utf8(text).ok()?.trim().to_owned())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the door to programs of an author's build"
    )]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.dir);
        for name in &self.unset {
            command.env_remove(name);
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A program named relative to `dir` when it is written with a slash, as a
/// shell in `dir` would take it.
pub fn named(program: &str, dir: &Path) -> OsString {
    match program.contains('/') {
        true => dir.join(program).into_os_string(),
        false => program.into(),
    }
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with {code}"),
        None => format!("was ended: {status}"),
    }
}

fn tail(mut file: std::fs::File) -> std::io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
