//! The only writer to stdout and stderr: results on stdout, progress and
//! errors on stderr, colours only for people.

use crate::exit::CliError;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where the command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    json: bool,
    color: bool,
    error_color: bool,
    terminal: bool,
}

/// What a text means, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// In progress.
    Busy,
    /// Less important.
    Dim,
    /// A heading.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Warn => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Busy => AnsiColor::Cyan.on_default(),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

impl Out {
    /// Looks at the terminal and the environment once.
    pub fn new(json: bool, color: Color) -> Self {
        let wanted = |is_terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        let terminal = std::io::stdout().is_terminal();
        Self {
            json,
            color: wanted(terminal) && !json,
            error_color: wanted(std::io::stderr().is_terminal()) && !json,
            terminal,
        }
    }

    /// Whether machines read the output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person reads it as it comes: then text from a sandbox must
    /// not reach the terminal as it is.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether results are coloured.
    pub fn is_colored(&self) -> bool {
        self.color
    }

    /// The text in its colour, if there are colours.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.color, tone, text)
    }

    /// A line of the result.
    pub fn line(&self, text: impl AsRef<str>) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_ref().as_bytes())?;
        stdout.write_all(b"\n")?;
        Ok(stdout.flush()?)
    }

    /// A part of the result, as it is.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// The result for machines, indented.
    pub fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(CliError::failed)?;
        self.line(text)
    }

    /// One of several results for machines, on a line of its own.
    pub fn json_line(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(CliError::failed)?;
        self.line(text)
    }

    /// A line about how it goes; machines are spared it.
    pub fn progress(&self, text: impl AsRef<str>) {
        if !self.json {
            write_error(&format!("{}\n", text.as_ref()));
        }
    }

    /// A line about how it goes, in its colour.
    pub fn progress_in(&self, tone: Tone, text: &str) {
        self.progress(paint(self.error_color, tone, text));
    }

    /// What went wrong.
    pub fn error(&self, error: &CliError) {
        if error.is_broken_pipe() {
            return;
        }
        if self.json {
            let view = serde_json::json!({ "error": error.view() });
            write_error(&format!("{view}\n"));
            return;
        }
        let mut text = format!(
            "{} failed to {}\n",
            paint(self.error_color, Tone::Bad, "error:"),
            crate::render::plain(&error.message)
        );
        if let Some(hint) = &error.hint
            && !error.message.contains(hint.as_str())
        {
            text.push_str(&format!(
                "{} {}\n",
                paint(self.error_color, Tone::Busy, "hint:"),
                crate::render::plain(hint)
            ));
        }
        write_error(&text);
    }
}

fn paint(color: bool, tone: Tone, text: &str) -> String {
    if color {
        let style = tone.style();
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

fn write_error(text: &str) {
    // Nothing is left to do when even stderr is gone.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
