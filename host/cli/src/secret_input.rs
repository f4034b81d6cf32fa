//! Takes a secret from a person, a file or a pipe. It is never an argument:
//! those are in every list of processes and in the shell's history.

use crate::config::{self, ConfigError};
use crate::exit::CliError;
use crate::out::Out;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use sortie_vault::Secret;
use std::fmt::Display;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

/// Reads a secret: the file's contents, else a line of standard input. A
/// terminal is asked, and shows nothing of what is typed.
pub fn read(what: &str, file: Option<&Path>, out: &Out) -> Result<Secret, CliError> {
    let text = match file {
        Some(file) => {
            config::read(file).map_err(|error| unreadable(what, &file.display(), &error))?
        }
        None => line(what, out)?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(CliError::usage(format!(
            "read {what}: there is none; paste it, pipe it in, or name a file that holds it"
        )));
    }
    Ok(Secret::new(text.to_owned()))
}

/// Why the file of a secret was not read. It is no configuration.
fn unreadable(what: &str, file: &impl Display, error: &ConfigError) -> CliError {
    let why = match error {
        ConfigError::Unreadable { source, .. } => source.to_string(),
        ConfigError::TooLarge { .. } => "it is too large to hold one".to_owned(),
        other => other.to_string(),
    };
    CliError::usage(format!("read {what} from {file}: {why}"))
        .with_hint("name the file that holds it, or leave the option out and paste it")
}

fn line(what: &str, out: &Out) -> Result<String, CliError> {
    let stdin = std::io::stdin();
    let _silence = if stdin.is_terminal() {
        out.progress(format!("paste {what}; it is not shown:"));
        Silence::begin().ok()
    } else {
        None
    };
    let mut line = String::new();
    stdin
        .lock()
        .read_line(&mut line)
        .map_err(|error| CliError::failed(format!("read {what}: {error}")))?;
    Ok(line)
}

/// The terminal shows nothing as long as this is there.
struct Silence(Termios);

impl Silence {
    fn begin() -> nix::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        silent.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal is gone.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
