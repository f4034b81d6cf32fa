//! What people read. Built by joining, which keeps formatting machinery out
//! of the component.

use crate::bindings::exports::sortie::workflow::workflow::{Description, Exit, ScanOutcome};

/// Bytes of a command or account shown inside a sentence.
const MAX_QUOTED_BYTES: usize = 2_000;

pub(crate) fn description() -> Description {
    Description {
        summary: "An agent works, the project's commands verify and send it back with what \
                  fails, scanners judge, a person decides what they flag, and the result is \
                  published."
            .into(),
        phases: [
            "plan", "agent", "verify", "debug", "scan", "approval", "publish",
        ]
        .map(String::from)
        .into(),
    }
}

/// How a program ended, completing "the agent …".
pub(crate) fn ended(exit: &Exit) -> String {
    match exit {
        Exit::Code(status @ (126 | 127)) => [
            "exited with status ",
            &status.to_string(),
            ": a program could not be run; is it in the runner image?",
        ]
        .concat(),
        Exit::Code(status) => ["exited with status ", &status.to_string()].concat(),
        Exit::Signal(signal) => ["was killed by signal ", &signal.to_string()].concat(),
        Exit::TimedOut => "took longer than it may".into(),
        Exit::Stopped(why) => ["was stopped: ", why].concat(),
    }
}

/// What a person is asked. Where nothing leaves the host, a yes keeps the result.
pub(crate) fn question(found: &ScanOutcome, publishes: bool) -> String {
    let mut parts = Vec::new();
    for (count, name) in [
        (found.block, "block"),
        (found.warn, "warn"),
        (found.info, "info"),
    ] {
        if count > 0 {
            parts.push([&count.to_string(), " ", name].concat());
        }
    }
    [
        "The scanners flagged this change (",
        &parts.join(", "),
        match publishes {
            true => "). Publish it all the same?",
            false => "). Keep it all the same?",
        },
    ]
    .concat()
}

/// The end of a command's output where the host found nothing to point at.
pub(crate) fn tail(text: &str) -> &str {
    const MAX_TAIL_BYTES: usize = 2_000;
    &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_TAIL_BYTES))..]
}

/// The start of `text`, cut at a character boundary.
pub(crate) fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_QUOTED_BYTES)]
}
