//! The help is what people read: a change of it is a change of the interface.

use crate::rig::Rig;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn help_texts_are_as_they_were() {
    let rig = Rig::new();
    let commands = [
        "",
        "init",
        "serve",
        "submit",
        "ask",
        "list",
        "status",
        "logs",
        "diff",
        "findings",
        "artifacts",
        "approve",
        "reject",
        "cancel",
        "retry",
        "publish",
        "plugin",
        "egress",
        "egress list",
        "egress allow",
        "egress deny",
        "egress learn",
        "telegram",
        "telegram setup",
        "telegram pair",
        "telegram status",
        "telegram parked",
        "telegram remove",
        "people",
        "people list",
        "people add",
        "people remove",
        "people chat",
        "intake",
        "intake pause",
        "intake resume",
        "intake status",
        "stats",
        "secret",
        "secret set",
        "usage",
        "report",
        "audit",
        "doctor",
        "scan",
        "image",
        "image check",
    ];
    let of_plugins = [
        "new",
        "build",
        "test",
        "keygen",
        "sign",
        "push",
        "install",
        "upgrade",
        "rollback",
        "enable",
        "disable",
        "remove",
        "list",
        "inspect",
        "logs",
        "grants",
        "grant",
        "events",
        "deliveries",
        "lock",
        "sync",
    ];
    let of_plugins = of_plugins.map(|command| format!("plugin {command}"));
    let mut book = String::new();
    for command in commands
        .into_iter()
        .chain(of_plugins.iter().map(String::as_str))
    {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let done = rig.run(&args);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        let text = done
            .stdout
            .lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n");
        book.push_str(&format!("$ sortie {}\n{text}\n\n", args.join(" ")));
    }
    insta::assert_snapshot!("help", book);
}

#[test]
fn every_command_is_explained() {
    let rig = Rig::new();
    let help = rig.run(&["help"]).stdout;
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    for line in listed {
        assert!(
            line.split_whitespace().count() > 2,
            "{line:?} explains nothing"
        );
    }
    assert_eq!(
        rig.run(&["--version"]).stdout.trim(),
        concat!("sortie ", env!("CARGO_PKG_VERSION"))
    );
}

/// Commands that have commands of their own.
const GROUPS: [&str; 7] = [
    "plugin", "image", "egress", "telegram", "people", "intake", "secret",
];

/// Every command that a text tells people to type, as `sortie plugin test`.
fn told(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.split("`sortie ").skip(1).filter_map(|rest| {
        let line = rest.split('`').next()?;
        let is_name = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
        let mut words = line.split_whitespace().take_while(is_name);
        let first = words.next().filter(|word| *word != "help")?;
        let second = words.next().filter(|_| GROUPS.contains(&first));
        Some([Some(first), second].into_iter().flatten().collect())
    })
}

fn texts(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() && !name.starts_with('.') && !["target", "dist"].contains(&name) {
            texts(&path, found);
        } else if kind.is_some_and(|kind| ["rs", "md", "toml", "sh", "wit"].contains(&kind)) {
            found.push(path);
        }
    }
}

#[test]
fn every_command_that_people_are_told_exists() {
    let rig = Rig::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for part in ["host", "docs", "plugins", "sdk", "wit", "scripts"] {
        texts(&root.join(part), &mut files);
    }
    files.extend([root.join("README.md"), root.join("CONTRIBUTING.md")]);
    let mut commands: BTreeMap<Vec<String>, PathBuf> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for command in told(&text) {
            let command = command.into_iter().map(str::to_owned).collect();
            commands.entry(command).or_insert_with(|| file.clone());
        }
    }
    assert!(commands.len() > 20, "{commands:?}");
    for (command, file) in commands {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let done = rig.run(&args);
        assert_eq!(done.code, 0, "{command:?} in {}", file.display());
    }
}
