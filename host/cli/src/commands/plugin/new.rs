//! `sortie plugin new`.

use crate::exit::{CliError, Exit};
use crate::out::{Out, Tone};
use crate::project::template;
use clap::ValueEnum;
use serde::Serialize;
use sortie_package::manifest::check_name;
use std::path::PathBuf;

/// Begin a plugin: a project that builds, with an example and its tests
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin's name: a-z, 0-9 and -, beginning with a letter
    name: String,
    /// What it is to be
    #[arg(long, value_enum, default_value_t, value_name = "SURFACE")]
    surface: Surface,
    /// The language it is written in
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// The folder to write it to [default: one of its name]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Surface {
    /// Judges changes
    #[default]
    Scanner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Js,
    Ts,
    Python,
    Go,
    C,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Ts => "ts",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// The file to edit first.
    fn first(self, name: &str) -> String {
        match self {
            Self::Rust => "src/lib.rs".into(),
            Self::Js => "src/plugin.js".into(),
            Self::Ts => "src/plugin.ts".into(),
            Self::Python => "src/plugin.py".into(),
            Self::Go => "main.go".into(),
            Self::C => format!("{}.c", name.replace('-', "_")),
        }
    }
}

/// What was written.
#[derive(Serialize)]
struct Written {
    dir: PathBuf,
    edit: String,
    files: Vec<String>,
}

/// Writes the project and says what to do next.
pub fn run(args: &Args, out: &Out) -> Result<Exit, CliError> {
    let Surface::Scanner = args.surface;
    check(&args.name, args.lang)?;
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    let failed = |error: std::io::Error| {
        CliError::failed(format!("write a project to {}: {error}", dir.display()))
    };
    std::fs::create_dir_all(&dir).map_err(failed)?;
    if std::fs::read_dir(&dir).map_err(failed)?.next().is_some() {
        return Err(CliError::usage(format!(
            "write a project to {}: there are files in it",
            dir.display()
        ))
        .with_hint("name an empty folder, or one that is not there yet"));
    }
    let files = template::write(args.lang.name(), &args.name, &dir)?;
    let edit = args.lang.first(&args.name);
    if out.is_json() {
        out.json(&Written { dir, edit, files })?;
        return Ok(Exit::Ok);
    }
    out.line(format!(
        "{} holds the plugin {}",
        dir.display(),
        out.paint(Tone::Strong, &args.name)
    ))?;
    out.line(format!(
        "next:\n  cd {}\n  edit {edit} and tests/\n  sortie plugin test\n  sortie plugin install \
         dist/{}.wasm",
        dir.display(),
        args.name
    ))?;
    Ok(Exit::Ok)
}

/// Names that a language's tools refuse or take for something else.
fn check(name: &str, lang: Language) -> Result<(), CliError> {
    check_name(name).map_err(|reason| CliError::usage(format!("name the plugin: {reason}")))?;
    let taken = match lang {
        Language::Rust => RUST_WORDS.contains(&name) || RUST_CRATES.contains(&name),
        _ => false,
    };
    if taken || RESERVED_FILES.contains(&name) {
        return Err(CliError::usage(format!(
            "name the plugin {name:?}: {} has that name for something else",
            if taken { "Rust" } else { "a file system" }
        ))
        .with_hint(format!("try `{name}-rule`")));
    }
    Ok(())
}

/// Words of the language that could be a plugin's name; cargo refuses them as
/// a crate's.
const RUST_WORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
];

/// Crates that every project has already.
const RUST_CRATES: [&str; 10] = [
    "alloc",
    "core",
    "proc-macro",
    "serde",
    "serde-json",
    "serde-core",
    "sortie-sdk",
    "std",
    "test",
    "wit-bindgen",
];

/// No file may have these names on Windows, and Go refuses them everywhere.
const RESERVED_FILES: [&str; 4] = ["aux", "con", "nul", "prn"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_built_are_refused() {
        for (name, lang) in [
            ("async", Language::Rust),
            ("core", Language::Rust),
            ("sortie-sdk", Language::Rust),
            ("con", Language::Go),
            ("My-Rule", Language::Js),
            ("", Language::C),
            ("../x", Language::Python),
        ] {
            assert!(check(name, lang).is_err(), "{name}");
        }
        assert!(check("async", Language::Go).is_ok());
        assert!(check("no-tabs", Language::Rust).is_ok());
    }
}
