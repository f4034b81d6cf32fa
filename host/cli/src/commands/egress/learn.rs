//! `sortie egress learn`: what a command asks for, as a proposal for the
//! configuration. Runs a proxy of its own beside the command, which lets
//! everything public through and writes the hosts down.

use crate::exit::{CliError, Exit};
use crate::out::Out;
use crate::project::program::Program;
use async_trait::async_trait;
use serde::Serialize;
use sortie_gateway::egress::{
    Connection, Egress, EgressOptions, Opening, Refusal, Verdict, Warden,
};
use sortie_gateway::tools::Preset;
use sortie_model::host::HostName;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The most hosts that are proposed; a command that asks for more crawls.
const MAX_HOSTS: usize = 500;

/// The variables that programs know a proxy by.
const PROXY: [&str; 7] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "CARGO_HTTP_PROXY",
];

/// Run a command and propose what to write under `[egress]` for it
///
/// The command runs here, not in a sandbox, with a proxy that lets everything
/// public through. What knows no proxy is not seen.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What was seen of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Seen {
    ports: BTreeSet<u16>,
    /// It is at an address that is not public.
    private: bool,
}

#[derive(Default)]
struct Learner {
    hosts: Mutex<BTreeMap<String, Seen>>,
}

impl Learner {
    fn note(&self, host: String, port: u16, private: bool) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() < MAX_HOSTS || hosts.contains_key(&host) {
            let seen = hosts.entry(host).or_default();
            seen.ports.insert(port);
            seen.private |= private;
        }
    }
}

#[async_trait]
impl Warden for Learner {
    async fn admit(&self, host: &HostName, port: u16) -> Verdict {
        // Noted here: programs leave their tunnels open until they exit, and
        // the proposal is made then.
        self.note(host.to_string(), port, false);
        Verdict::Open(Opening {
            tls: false,
            ..Opening::PUBLIC
        })
    }

    async fn refused(&self, refusal: &Refusal) {
        if refusal.reason == "special-address" {
            self.note(refusal.host.to_string(), refusal.port, true);
        }
    }

    async fn record(&self, _: Connection) {}
}

/// What to write.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Proposal {
    presets: Vec<&'static str>,
    allow: BTreeMap<String, Seen>,
}

/// Runs the command and shows the proposal.
pub async fn run(args: Args, out: &Out) -> Result<Exit, CliError> {
    let learner = Arc::new(Learner::default());
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|error| CliError::failed(format!("open a proxy: {error}")))?;
    let address = listener.local_addr()?;
    let egress = Egress::new(EgressOptions::new(learner.clone()));
    let serving = tokio::spawn(async move {
        // Ends with the command; what cannot be accepted, its client misses.
        while let Ok((stream, _)) = listener.accept().await {
            let egress = egress.clone();
            tokio::spawn(async move { egress.serve(stream).await });
        }
    });
    let proxy = OsString::from(format!("http://{address}"));
    let mut words = args.command.into_iter();
    let program = Program {
        program: words.next().unwrap_or_default(),
        args: words.collect(),
        dir: std::env::current_dir()?,
        set: PROXY.map(|name| (name, proxy.clone())).into(),
        unset: vec!["NO_PROXY", "no_proxy"],
    };
    let shown = *out;
    let ran = tokio::task::spawn_blocking(move || program.run(&shown))
        .await
        .map_err(|error| CliError::failed(format!("run the command: {error}")))?;
    serving.abort();
    let hosts = learner.hosts.lock().unwrap_or_else(PoisonError::into_inner);
    let proposal = propose(hosts.clone());
    drop(hosts);
    match out.is_json() {
        true => out.json(&proposal)?,
        false => out.raw(toml(&proposal).as_bytes())?,
    }
    // A command that failed may have wanted more than it came to ask for.
    ran.map(|()| Exit::Ok)
}

/// Sets that hold some of the hosts, and the hosts that none holds.
fn propose(hosts: BTreeMap<String, Seen>) -> Proposal {
    let mut proposal = Proposal::default();
    for (host, seen) in hosts {
        let name = HostName::parse(&host);
        let holds = |preset: &Preset| {
            let rules = preset.rules();
            seen.ports.iter().all(|port| {
                let mut fitting = rules.iter();
                fitting.any(|rule| {
                    rule.ports.contains(port) && name.as_ref().is_some_and(|n| rule.host.matches(n))
                })
            })
        };
        match Preset::ALL
            .iter()
            .find(|preset| !seen.private && holds(preset))
        {
            Some(preset) if proposal.presets.contains(&preset.as_str()) => {}
            Some(preset) => proposal.presets.push(preset.as_str()),
            None => {
                proposal.allow.insert(host, seen);
            }
        }
    }
    proposal
}

fn toml(proposal: &Proposal) -> String {
    let quoted: Vec<String> = proposal.presets.iter().map(|p| format!("{p:?}")).collect();
    let mut text = format!("[egress]\npresets = [{}]\nallow = [\n", quoted.join(", "));
    for (host, seen) in &proposal.allow {
        let host = host.trim_matches(['[', ']']);
        let mut rule = format!("host = {host:?}");
        if seen.ports.iter().ne([&443]) {
            let ports: Vec<String> = seen.ports.iter().map(u16::to_string).collect();
            let _ = write!(rule, ", ports = [{}]", ports.join(", "));
        }
        if seen.private {
            rule.push_str(", allow_private = true");
        }
        let _ = writeln!(text, "    {{ {rule} }},");
    }
    text.push_str("]\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_is_seen_when_it_is_asked_for() {
        let learner = Learner::default();
        let host = HostName::parse("a.example").expect("a host");
        learner.admit(&host, 8443).await;
        let hosts = learner.hosts.lock().expect("whole");
        assert_eq!(hosts["a.example"].ports, BTreeSet::from([8443]));
    }

    #[test]
    fn what_was_seen_becomes_presets_and_rules() {
        let learner = Learner::default();
        learner.note("index.crates.io".into(), 443, false);
        learner.note("static.crates.io".into(), 443, false);
        learner.note("crates.io".into(), 8443, false);
        learner.note("deb.debian.org".into(), 80, false);
        learner.note("assets.example.com".into(), 443, false);
        learner.note("mirror.example.com".into(), 8081, true);
        let hosts = learner.hosts.lock().expect("whole").clone();
        let text = toml(&propose(hosts));
        assert_eq!(
            text,
            "[egress]\npresets = [\"apt\", \"cargo\"]\nallow = [\n    \
             { host = \"assets.example.com\" },\n    \
             { host = \"crates.io\", ports = [8443] },\n    \
             { host = \"mirror.example.com\", ports = [8081], allow_private = true },\n]\n"
        );
        let config: crate::config::Config = ::toml::from_str(&text).expect("it can be used");
        assert!(config.faults().is_empty());
    }
}
