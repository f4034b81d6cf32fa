//! What hides the result of a command.

use super::Command;
use super::runner::runner;
use crate::text::has_any;

pub(super) fn masks(
    command: &mut Command,
    parts: &[(&'static str, String)],
    at: usize,
    text: &str,
) {
    let behind = &parts[at + 1..];
    for (i, (op, part)) in behind.iter().enumerate() {
        let p = part.trim();
        match *op {
            "||" => {
                let speaks = ["echo", "printf", "true", ":", "exit 0"]
                    .iter()
                    .any(|w| p.starts_with(w));
                let fails = !speaks
                    && has_any(
                        p,
                        &[
                            "exit 1", "exit $", "false", "fail", "return 1", "retry", "exit 2",
                            "kill", "exit \"$",
                        ],
                    )
                    || runner(p).is_some()
                    || p.starts_with("(") && p.contains("exit");
                let later_fails = behind[i..]
                    .iter()
                    .any(|(_, q)| has_any(q, &["exit 1", "exit $", "false", "exit 2"]));
                if !fails && !later_fails {
                    command.masks.push(format!("|| {p}"));
                    return;
                }
                return;
            }
            ";" | "&" => {
                let later: String = behind[i..]
                    .iter()
                    .map(|(_, q)| q.as_str())
                    .collect::<Vec<_>>()
                    .join(";");
                let fails = has_any(
                    &later,
                    &[
                        "exit $",
                        "exit 1",
                        "$?",
                        "${?}",
                        "PIPESTATUS",
                        "wait",
                        "exit \"$",
                    ],
                ) || behind[i..].iter().any(|(_, q)| runner(q).is_some());
                let shellish = !matches!(p, "" | "fi" | "done" | "}" | ")" | "then");
                if *op == "&" && !fails && p.is_empty() {
                    command.masks.push("&".into());
                    return;
                }
                if shellish
                    && !fails
                    && !text.starts_with("set -e")
                    && !text.contains("set -e")
                    && !p.starts_with("then")
                {
                    command.masks.push(format!("; {p}"));
                    return;
                }
            }
            "|" => {
                let guarded = text.contains("pipefail") || text.contains("PIPESTATUS");
                let judges = has_any(
                    p,
                    &[
                        "go-junit-report -set-exit-code",
                        "gotestfmt",
                        "tap-",
                        "tap_",
                    ],
                ) || p.starts_with("gotestfmt");
                if !guarded && !judges {
                    command.masks.push(format!("| {p}"));
                    return;
                }
            }
            _ => {}
        }
    }
    let before = &parts[..at];
    if before.iter().any(|(_, p)| p.trim() == "set +e") {
        command.masks.push("set +e".into());
    }
    let own = parts[at].1.trim();
    if own.starts_with("! ") {
        command.masks.push("!".into());
    }
    if at > 0
        && matches!(parts[at].0, "||")
        && before
            .iter()
            .any(|(_, p)| matches!(p.trim(), "true" | ":" | "echo"))
    {
        command.masks.push("true ||".into());
    }
    if at > 0 && parts[at].0 == "&&" && before.iter().any(|(_, p)| matches!(p.trim(), "false")) {
        command.masks.push("false &&".into());
    }
    if before.iter().any(|(_, p)| p.trim() == "exit 0") {
        command.masks.push("exit 0".into());
    }
}
