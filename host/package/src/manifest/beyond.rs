//! What a plugin asks for beyond what it was granted, in lines that a person
//! reads before saying yes. Each line completes "it wants to …" and names
//! everything that matters to the answer; none is left out because another
//! looks like it, but for a person who is shown one that says it too. Decides
//! nothing about a request at run time.

use std::fmt;

use serde::Serialize;

use super::requests::{
    Credential, DirectoryGrant, DirectoryMode, DirectoryRequest, EgressRequest, Grant, JobAction,
    Limits, Requests, Scheme,
};
use super::sources::{EventSource, HttpSource, TimerSource, Verify};
use super::{HostPattern, Schedule};

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Where events come from.
    Source,
    /// Requests that go out.
    Egress,
    /// Jobs.
    Jobs,
    /// Messages to chats.
    Chat,
    /// Events that it is told of.
    Notify,
    /// Directories.
    Directory,
    /// How much it may use.
    Limit,
}

/// One thing that is asked for and not granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about.
    pub subject: Subject,
    /// Completes "it wants to …".
    pub wants: String,
    /// What was granted of that kind, when something near was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wants)?;
        match &self.granted {
            Some(granted) => write!(f, " (granted so far: {granted})"),
            None => Ok(()),
        }
    }
}

/// What a plugin wants that is told of all jobs.
const OF_JOBS: &str = "be told of everything that happens to jobs";

/// The families of events that are about jobs.
const JOB_FAMILIES: [&str; 5] = ["agent", "approval", "egress", "job", "step"];

/// Whether a person who reads all of `lines`, as [`Difference::wants`] has them,
/// learns nothing more by this one: what happens to jobs is asked for whole, and
/// this is a part of it.
pub fn is_said_by_another(line: &str, lines: &[&str]) -> bool {
    let kind = line
        .strip_prefix("be told of each ")
        .or_else(|| line.strip_prefix("be told of every event of the kind "));
    let family = kind.and_then(|kind| kind.split('.').next());
    lines.contains(&OF_JOBS) && family.is_some_and(|family| JOB_FAMILIES.contains(&family))
}

impl Requests {
    /// What is asked for beyond `grant`, in the order of the manifest; empty
    /// when the plugin may run. A grant that covers more never leaves more.
    pub fn beyond(&self, grant: &Grant) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut add = |subject, wants, granted| {
            found.push(Difference {
                subject,
                wants,
                granted,
            });
        };
        for source in &self.sources {
            if !grant
                .sources
                .iter()
                .any(|given| source_covers(given, source))
            {
                let near = grant
                    .sources
                    .iter()
                    .find(|given| given.name() == source.name());
                add(Subject::Source, source_line(source), near.map(source_line));
            }
        }
        for rule in &self.egress {
            for scheme in &rule.schemes {
                let missing: Vec<&str> = rule
                    .methods
                    .iter()
                    .filter(|method| {
                        !grant
                            .egress
                            .iter()
                            .any(|given| egress_covers(given, rule, *scheme, method))
                    })
                    .map(String::as_str)
                    .collect();
                if !missing.is_empty() {
                    let near = grant
                        .egress
                        .iter()
                        .find(|given| given.host == rule.host && given.schemes.contains(scheme))
                        .map(|given| {
                            let all: Vec<&str> = given.methods.iter().map(String::as_str).collect();
                            egress_line(given, *scheme, &all)
                        });
                    add(Subject::Egress, egress_line(rule, *scheme, &missing), near);
                }
            }
        }
        for action in self.jobs.allow.difference(&grant.jobs.allow) {
            add(Subject::Jobs, job_line(*action).to_owned(), None);
        }
        for source in self.chat.sources.difference(&grant.chat.sources) {
            add(
                Subject::Chat,
                format!("send messages through the chat {source:?}"),
                None,
            );
        }
        for kind in &self.notify.kinds {
            if !grant.notify.covers(kind) {
                add(Subject::Notify, notify_line(kind), None);
            }
        }
        for directory in &self.directories {
            let near = grant
                .directories
                .iter()
                .find(|given| given.name == directory.name);
            if near.is_none_or(|given| given.mode < directory.mode) {
                add(
                    Subject::Directory,
                    directory_line(directory),
                    near.map(directory_granted),
                );
            }
        }
        limit_lines(&self.limits, &grant.limits, |wants, granted| {
            add(Subject::Limit, wants, granted);
        });
        found
    }
}

fn source_covers(given: &EventSource, asked: &EventSource) -> bool {
    match (given, asked) {
        (EventSource::Http(given), EventSource::Http(asked)) => {
            given.name == asked.name
                && given.verify == asked.verify
                && given.body_limit_bytes() >= asked.body_limit_bytes()
        }
        (EventSource::Timer(given), EventSource::Timer(asked)) => {
            given.name == asked.name && timer_covers(given, asked)
        }
        _ => false,
    }
}

/// The same times, or rarer ones where that can be told.
fn timer_covers(given: &TimerSource, asked: &TimerSource) -> bool {
    if (&given.cron, &given.every, &given.time_zone)
        == (&asked.cron, &asked.every, &asked.time_zone)
    {
        return true;
    }
    match (given.schedule(), asked.schedule()) {
        (Ok(Schedule::Every(given)), Ok(Schedule::Every(asked))) => asked >= given,
        _ => false,
    }
}

fn source_line(source: &EventSource) -> String {
    match source {
        EventSource::Http(HttpSource { name, verify, .. }) => {
            let size = match source {
                EventSource::Http(source)
                    if source.body_limit_bytes() != super::sources::DEFAULT_BODY_BYTES =>
                {
                    format!(" of up to {}", bytes(source.body_limit_bytes()))
                }
                _ => String::new(),
            };
            match verify {
                Verify::HmacSha256 { header, secret, .. } => format!(
                    "receive requests{size} at its hook {name:?}, signed in `{header}` with the secret {secret:?}"
                ),
                Verify::Token { header, secret, .. } => format!(
                    "receive requests{size} at its hook {name:?}, with the secret {secret:?} in `{header}`"
                ),
                Verify::SlackV0 { secret } => format!(
                    "receive requests{size} at its hook {name:?}, signed by Slack with the secret {secret:?}, in the name of the people there"
                ),
                Verify::DiscordEd25519 { secret } => format!(
                    "receive requests{size} at its hook {name:?}, signed by Discord for the public key {secret:?}, in the name of the people there"
                ),
                Verify::None {} => format!(
                    "receive requests{size} at its hook {name:?} from anyone who can reach it, unverified"
                ),
            }
        }
        EventSource::Timer(timer) => {
            let zone = timer.time_zone.as_deref().unwrap_or("UTC");
            match (&timer.cron, &timer.every) {
                (Some(cron), _) => {
                    format!(
                        "be woken by its timer {:?} at `{cron}` in {zone}",
                        timer.name
                    )
                }
                (None, every) => format!(
                    "be woken by its timer {:?} every {}",
                    timer.name,
                    every.as_deref().unwrap_or_default()
                ),
            }
        }
    }
}

fn egress_covers(
    given: &EgressRequest,
    asked: &EgressRequest,
    scheme: Scheme,
    method: &str,
) -> bool {
    let port = |rule: &EgressRequest| rule.port.unwrap_or(scheme.default_port());
    let host = match (
        HostPattern::canonical(&given.host),
        HostPattern::canonical(&asked.host),
    ) {
        (Ok(given), Ok(asked)) => given.covers(&asked),
        _ => false,
    };
    host && given.schemes.contains(&scheme)
        && given.methods.iter().any(|own| own == method)
        && path_covers(&given.path_prefix, &asked.path_prefix)
        && port(given) == port(asked)
        && (given.private || !asked.private)
        && (asked.credential.is_none() || given.credential == asked.credential)
}

/// Whether the segments of one prefix begin those of the other.
fn path_covers(given: &str, asked: &str) -> bool {
    let segments = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect()
    };
    segments(asked).starts_with(&segments(given))
}

fn egress_line(rule: &EgressRequest, scheme: Scheme, methods: &[&str]) -> String {
    let port = match rule.port {
        Some(port) if port != scheme.default_port() => format!(":{port}"),
        _ => String::new(),
    };
    let mut line = format!(
        "send {} requests to {}://{}{port}{}",
        list(methods),
        scheme.name(),
        rule.host,
        rule.path_prefix
    );
    match &rule.credential {
        None => {}
        Some(Credential {
            secret,
            in_path: true,
            ..
        }) => line.push_str(&format!(" with the secret {secret:?} in its path")),
        Some(Credential {
            secret, sign: None, ..
        }) => line.push_str(&format!(" with the secret {secret:?}")),
        Some(Credential {
            secret,
            header,
            sign: Some(_),
            ..
        }) => line.push_str(&format!(
            ", signed in `{header}` with the secret {secret:?}"
        )),
    }
    if scheme == Scheme::Http {
        line.push_str(", unencrypted");
    }
    if rule.private {
        line.push_str(", also at private addresses");
    }
    line
}

fn job_line(action: JobAction) -> &'static str {
    match action {
        JobAction::Submit => "submit jobs, in the name of who sent the event",
        JobAction::Read => "read all jobs: their tasks, states and results",
        JobAction::Cancel => "cancel jobs",
        JobAction::Retry => "run jobs again that failed",
        JobAction::Decide => "approve or reject what jobs ask, in the name of who sent the event",
    }
}

fn notify_line(kind: &str) -> String {
    match kind.strip_suffix(".*") {
        Some("job") => OF_JOBS.to_owned(),
        Some("host") => {
            "be told of what happens to the host: pauses, alarms and the daily digest".to_owned()
        }
        Some(family) => format!("be told of every event of the kind {family}"),
        None => format!("be told of each {kind}"),
    }
}

fn directory_line(directory: &DirectoryRequest) -> String {
    let (doing, name) = (doing(directory.mode), &directory.name);
    format!("{doing} the files of a directory that you choose, as /{name}")
}

fn directory_granted(given: &DirectoryGrant) -> String {
    format!(
        "{} the files of {}",
        doing(given.mode),
        given.path.display()
    )
}

fn doing(mode: DirectoryMode) -> &'static str {
    match mode {
        DirectoryMode::Read => "read",
        DirectoryMode::ReadWrite => "read, change and delete",
    }
}

fn limit_lines(asked: &Limits, given: &Limits, mut add: impl FnMut(String, Option<String>)) {
    let mut limit =
        |asked: Option<u64>, given: Option<u64>, shown: fn(u64) -> String, what: &str| {
            if let Some(asked) = asked
                && given.is_none_or(|given| given < asked)
            {
                add(format!("{what} up to {}", shown(asked)), given.map(shown));
            }
        };
    limit(
        asked.memory_bytes,
        given.memory_bytes,
        bytes,
        "use memory of",
    );
    limit(asked.cpu_ms, given.cpu_ms, time, "compute in a call for");
    limit(asked.wall_ms, given.wall_ms, time, "take for a whole call");
    limit(
        asked.kv_bytes,
        given.kv_bytes,
        bytes,
        "keep data of its own of",
    );
}

/// `A`, `A and B`, `A, B and C`.
fn list(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Bytes in the largest unit that needs no fraction.
fn bytes(n: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units
        .into_iter()
        .find(|(unit, _)| n >= *unit && n.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{} {name}", n / unit),
        None => format!("{n} bytes"),
    }
}

/// Milliseconds in the largest unit that needs no fraction.
fn time(ms: u64) -> String {
    let units = [(60_000, "min"), (1000, "s")];
    match units
        .into_iter()
        .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => format!("{ms} ms"),
    }
}

#[cfg(test)]
#[path = "beyond_tests.rs"]
mod tests;
