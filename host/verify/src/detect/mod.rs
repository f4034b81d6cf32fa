//! The commands that build, lint and test a repository, from the names of its
//! files and the contents of a few.
//!
//! The caller lists a commit's files, reads those that [`wanted`] names, and
//! hands both to [`detect`]. It must be the base commit: an agent may have
//! changed anything since.
//!
//! The root is looked at first; only when nothing is found there, the folders
//! beneath, two levels deep and a few at most. Make and just are asked last,
//! since what they run cannot be read; where they are all there is, they are
//! the repository's own door.

mod go;
mod jvm;
mod make;
mod node;
mod python;
mod rust;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most files that are asked for.
const MAX_WANTED: usize = 48;
/// The most of a file that should be read, in bytes: a manifest is far smaller.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;
/// The most folders beneath the root that are looked at.
const MAX_FOLDERS: usize = 4;
/// How deep these may be.
const MAX_DEPTH: usize = 2;
/// The most commands that are found; a verification is a few.
const MAX_COMMANDS: usize = 8;
/// The most conventions files that are named.
const MAX_CONVENTIONS: usize = 8;

/// Files at the root that say how a repository is worked on.
const CONVENTIONS: [&str; 4] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md", "CONTRIBUTING.md"];

/// Files whose contents decide.
const MANIFESTS: [&str; 23] = [
    "Cargo.toml",
    "clippy.toml",
    ".clippy.toml",
    "go.mod",
    "go.work",
    "package.json",
    "pyproject.toml",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "requirements.txt",
    "requirements-dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "test-requirements.txt",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    ".justfile",
    "pom.xml",
    "deno.json",
];

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// It fetches what the others need.
    Setup,
    /// It builds.
    Build,
    /// It looks for faults without running anything.
    Lint,
    /// It tests.
    Test,
}

/// One command that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is for.
    pub purpose: Purpose,
    /// The command, for `sh -c` in the root of the repository.
    pub command: String,
    /// The file it was found by.
    pub because: String,
}

/// What was found in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detected {
    /// The commands in the order in which they run.
    pub commands: Vec<Found>,
    /// Files that say how the repository is worked on.
    pub conventions: Vec<String>,
}

/// The files of the repository, sorted by folder.
struct Tree<'a> {
    paths: BTreeSet<&'a str>,
    contents: &'a BTreeMap<String, String>,
}

/// One folder of it; the root's name is empty.
#[derive(Clone, Copy)]
struct Folder<'a> {
    tree: &'a Tree<'a>,
    name: &'a str,
}

impl<'a> Folder<'a> {
    fn path(&self, file: &str) -> String {
        match self.name {
            "" => file.to_owned(),
            folder => format!("{folder}/{file}"),
        }
    }

    fn has(&self, file: &str) -> bool {
        self.tree.paths.contains(self.path(file).as_str())
    }

    /// The first of `files` that is there.
    fn first(&self, files: &[&'static str]) -> Option<&'static str> {
        files.iter().copied().find(|file| self.has(file))
    }

    /// The contents of a file that was asked for.
    fn read(&self, file: &str) -> Option<&'a str> {
        self.tree.contents.get(&self.path(file)).map(String::as_str)
    }

    /// Paths of everything beneath, relative to the folder.
    fn beneath(&self) -> impl Iterator<Item = &'a str> {
        let name = self.name;
        self.tree.paths.iter().filter_map(move |path| match name {
            "" => Some(*path),
            folder => path.strip_prefix(folder)?.strip_prefix('/'),
        })
    }

    /// A command to run in this folder.
    fn found(&self, purpose: Purpose, command: &str, because: &str) -> Found {
        Found {
            purpose,
            command: match self.name {
                "" => command.to_owned(),
                folder => format!("cd {} && {command}", quoted(folder)),
            },
            because: self.path(because),
        }
    }
}

/// A path as one word of a shell command.
fn quoted(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    match path.bytes().all(plain) && !path.starts_with('-') {
        true => path.to_owned(),
        false => format!("'./{}'", path.replace('\'', r"'\''")),
    }
}

/// Which files' contents [`detect`] has to see. `paths` are all files of the
/// commit, relative to the root.
pub fn wanted(paths: &[String]) -> Vec<String> {
    let mut wanted: Vec<&String> = paths
        .iter()
        .filter(|path| {
            let (folder, name) = split(path);
            depth(folder) <= MAX_DEPTH && MANIFESTS.contains(&name)
        })
        .collect();
    // The nearest to the root first: they decide whether others are asked.
    wanted.sort_by_key(|path| (depth(split(path).0), path.as_str()));
    wanted.into_iter().take(MAX_WANTED).cloned().collect()
}

/// What the files say. `contents` has those of [`wanted`] that could be read.
pub fn detect(paths: &[String], contents: &BTreeMap<String, String>) -> Detected {
    let tree = Tree {
        paths: paths.iter().map(String::as_str).collect(),
        contents,
    };
    let conventions = CONVENTIONS
        .into_iter()
        .filter(|name| tree.paths.contains(name))
        .take(MAX_CONVENTIONS)
        .map(str::to_owned)
        .collect();
    let root = Folder {
        tree: &tree,
        name: "",
    };
    let mut commands = in_folder(root);
    if commands.is_empty() {
        let mut folders: Vec<&str> = contents.keys().map(|path| split(path).0).collect();
        folders.sort_by_key(|folder| (depth(folder), *folder));
        folders.dedup();
        let with_some = folders
            .into_iter()
            .filter(|folder| !folder.is_empty() && !is_vendored(folder))
            .map(|name| in_folder(Folder { tree: &tree, name }))
            .filter(|found| !found.is_empty());
        commands = with_some.take(MAX_FOLDERS).flatten().collect();
    }
    commands.truncate(MAX_COMMANDS);
    Detected {
        commands,
        conventions,
    }
}

/// What one folder's files say: its ecosystems side by side, or what Make or
/// just have where there is none.
fn in_folder(folder: Folder<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for look in [rust::look, go::look, node::look, python::look, jvm::look] {
        found.extend(look(folder));
    }
    if !found.iter().any(|found| found.purpose == Purpose::Test) {
        found.extend(make::look(folder));
    }
    // Stable: within a purpose, ecosystems keep their order. A command that
    // prepares comes before those that need it.
    found.sort_by_key(|found| found.purpose);
    found
}

/// Folder and name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn depth(folder: &str) -> usize {
    match folder {
        "" => 0,
        folder => folder.split('/').count(),
    }
}

/// Copies of other people's projects, and samples.
fn is_vendored(folder: &str) -> bool {
    folder.split('/').any(|part| {
        matches!(
            part,
            "node_modules"
                | "vendor"
                | "third_party"
                | "testdata"
                | "fixtures"
                | "examples"
                | "target"
                | "dist"
                | "build"
                | ".git"
        )
    })
}
