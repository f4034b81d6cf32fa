//! What an operator agrees to. What a plugin asks for is shown before, one
//! line each; nothing is granted that nobody was shown or that was not asked
//! for with --yes.

use crate::exit::CliError;
use crate::out::{Out, Tone};
use crate::render::{self, plain};
use sortie_api::view::{ConsentBody, DifferenceView, PluginDetail};
use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

/// How an operator says what is granted.
#[derive(Debug, clap::Args)]
pub struct Wishes {
    /// Grant everything that it asks for
    #[arg(long)]
    yes: bool,
    /// The directory that it sees as /NAME; may be repeated
    #[arg(long, value_name = "NAME=PATH", value_parser = directory)]
    dir: Vec<(String, PathBuf)>,
}

/// What came of asking.
pub enum Answer {
    /// Go on with this.
    Consent(ConsentBody),
    /// A person was asked and said no.
    No,
    /// Nobody was there to ask.
    Nobody,
}

impl Wishes {
    /// Of a plugin that sees no directory.
    pub fn plain(yes: bool) -> Self {
        Self {
            yes,
            dir: Vec::new(),
        }
    }

    /// Everything, with the directories that were named.
    fn everything(&self) -> ConsentBody {
        let named = self.dir.iter();
        ConsentBody::Everything(
            named
                .map(|(name, path)| (name.clone(), path.display().to_string()))
                .collect::<BTreeMap<_, _>>(),
        )
    }

    /// Shows what `plugin` wants beyond its grant, and asks if that is needed.
    pub fn decide(
        &self,
        plugin: &str,
        beyond: &[DifferenceView],
        out: &Out,
    ) -> Result<Answer, CliError> {
        if beyond.is_empty() {
            return Ok(Answer::Consent(ConsentBody::Before));
        }
        out.progress(format!("{} wants to", out.paint(Tone::Strong, plugin)));
        for line in render::differences(beyond) {
            out.progress(format!("  - {}", plain(&line)));
        }
        if self.yes {
            return Ok(Answer::Consent(self.everything()));
        }
        if out.is_json() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(Answer::Nobody);
        }
        out.progress("grant all of this? [y/N]");
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| CliError::failed(format!("read the answer: {error}")))?;
        Ok(match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Answer::Consent(self.everything()),
            _ => Answer::No,
        })
    }
}

/// How to grant what is still missing.
pub fn how_to_grant(plugin: &PluginDetail) -> String {
    let mut command = format!("sortie plugin grant {} --yes", plugin.plugin.name);
    let directories = plugin
        .manifest
        .as_ref()
        .map(|manifest| &manifest["directories"]);
    let directories = directories.and_then(serde_json::Value::as_array);
    for name in directories
        .into_iter()
        .flatten()
        .filter_map(|d| d["name"].as_str())
    {
        command.push_str(&format!(" --dir {name}=PATH"));
    }
    command
}

fn directory(text: &str) -> Result<(String, PathBuf), String> {
    let wanted = || "write NAME=PATH, the name as the plugin has it".to_owned();
    let (name, path) = text.split_once('=').ok_or_else(wanted)?;
    if name.is_empty() || path.is_empty() {
        return Err(wanted());
    }
    let path = std::path::absolute(path).map_err(|error| format!("use {path}: {error}"))?;
    Ok((name.trim_start_matches('/').to_owned(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_named_and_absolute() {
        let (name, path) = directory("rules=some/rules").expect("a directory");
        assert!(name == "rules" && path.is_absolute() && path.ends_with("some/rules"));
        assert_eq!(directory("/rules=/srv").expect("a directory").0, "rules");
        for text in ["rules", "=x", "x="] {
            assert!(directory(text).is_err(), "{text}");
        }
    }
}
