//! The help is what people read: a change of it is a change of the interface.

use crate::rig::Rig;

#[test]
fn help_texts_are_as_they_were() {
    let rig = Rig::new();
    let commands = [
        "",
        "init",
        "serve",
        "submit",
        "list",
        "status",
        "logs",
        "diff",
        "findings",
        "approve",
        "reject",
        "cancel",
        "retry",
        "plugin",
        "doctor",
        "scan",
        "plugin new",
        "plugin build",
        "plugin test",
        "plugin keygen",
        "plugin sign",
        "plugin list",
    ];
    let mut book = String::new();
    for command in commands {
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
