//! What the sandboxes of a job may reach, and what people decided about it.
//!
//! Rules are the operator's and stored with the job; rulings are a person's
//! answers while it runs. Which of them speaks for a host and a port is decided
//! here, by [`EgressPolicy::admit`], and nowhere else. Nothing here resolves a
//! name: whether an address may be connected to is judged where the connection
//! is made, and no ruling opens one that is not public.

use crate::clock::Timestamp;
use crate::host::{HostName, HostPattern};
use crate::id::{JobId, RunId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The web's own ports: what a person who allows a host without a port means.
pub const WEB_PORTS: [u16; 2] = [443, 80];

/// What the sandboxes of a job may reach. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressPolicy {
    /// The allow-list.
    pub rules: Vec<EgressRule>,
    /// What bounds a run.
    pub limits: EgressLimits,
    /// Variables that tell package managers of mirrors; never a secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files that do so where a variable cannot, by absolute path in the
    /// sandbox; never a secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// Hosts and ports that may be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// The hosts.
    pub host: HostPattern,
    /// The ports; 443 when none is written.
    #[serde(default = "https_only")]
    pub ports: Vec<u16>,
    /// Whether a tunnel has to carry TLS to that very host.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Whether the host may have a private or loopback address.
    #[serde(default)]
    pub allow_private: bool,
}

/// The ports of a rule that names none: that of HTTPS.
pub fn https_only() -> Vec<u16> {
    vec![443]
}

fn yes() -> bool {
    true
}

impl EgressRule {
    /// The rule for a host at the port of https.
    pub fn https(host: HostPattern) -> Self {
        Self {
            host,
            ports: https_only(),
            tls: true,
            allow_private: false,
        }
    }
}

/// What one run may use of the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressLimits {
    /// Connections open at the same time.
    pub at_once: u32,
    /// Connections in all, the refused ones among them.
    pub connections: u32,
    /// Bytes out of the sandbox.
    pub up_bytes: u64,
    /// Bytes into it.
    pub down_bytes: u64,
    /// How long after its first connection a run may go on using others.
    pub time_ms: u64,
    /// How long a connection may carry nothing.
    pub idle_ms: u64,
}

impl Default for EgressLimits {
    /// An installation of a large project opens hundreds of connections, dozens
    /// at once, and fetches a few GiB; what leaves is requests.
    fn default() -> Self {
        Self {
            at_once: 64,
            connections: 5_000,
            up_bytes: 256 * 1024 * 1024,
            down_bytes: 8 * 1024 * 1024 * 1024,
            time_ms: 4 * 3_600_000,
            idle_ms: 300_000,
        }
    }
}

/// How far a person's answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulingScope {
    /// The run that was under way, and no other attempt.
    Run,
    /// The job, with all its runs.
    Job,
    /// The project: every run of it that is under way or follows.
    Project,
}

impl RulingScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Run, Self::Job, Self::Project];

    /// The name it is stored and shown by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Job => "job",
            Self::Project => "project",
        }
    }
}

impl fmt::Display for RulingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RulingScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| format!("{text:?} is neither run, job nor project"))
    }
}

/// A person's answer about a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Its number; later ones are greater.
    pub id: u64,
    /// The hosts it is about.
    pub host: HostPattern,
    /// The port it is about. None means [`WEB_PORTS`] when it allows, and every
    /// port when it denies.
    pub port: Option<u16>,
    /// Whether the host may be reached.
    pub allow: bool,
    /// How far it goes.
    pub scope: RulingScope,
    /// The job it was given on.
    pub job: JobId,
    /// The run it is for, when that is how far it goes.
    pub run: Option<RunId>,
    /// Who gave it.
    pub by: String,
    /// Through which door.
    pub via: String,
    /// When.
    pub at: Timestamp,
}

impl Ruling {
    /// Whether it speaks for that host and port.
    pub fn speaks_for(&self, host: &HostName, port: u16) -> bool {
        let port_fits = match self.port {
            Some(own) => own == port,
            None => !self.allow || WEB_PORTS.contains(&port),
        };
        port_fits && self.host.matches(host)
    }
}

/// Whether a host may be reached at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'p> {
    /// A rule of the policy says so.
    Rule(&'p EgressRule),
    /// A person said so. TLS and a public address are asked for.
    Ruled,
    /// A person said no.
    Denied,
    /// Rules name the host, at other ports alone.
    OtherPort(&'p EgressRule),
    /// Nobody said anything.
    Unknown,
}

impl EgressPolicy {
    /// Who speaks for a host and a port: the newest fitting one of `rulings`,
    /// which stand newest first; else the first rule that fits.
    pub fn admit(&self, rulings: &[Ruling], host: &HostName, port: u16) -> Admission<'_> {
        let mut rules = self.rules.iter().filter(|rule| rule.host.matches(host));
        let rule = rules.clone().find(|rule| rule.ports.contains(&port));
        let ruling = rulings.iter().find(|ruling| ruling.speaks_for(host, port));
        match (ruling, rule) {
            (Some(ruling), _) if !ruling.allow => Admission::Denied,
            // What the operator wrote may open more than a person can.
            (_, Some(rule)) => Admission::Rule(rule),
            (Some(_), None) => Admission::Ruled,
            (None, None) => match rules.next() {
                Some(other) => Admission::OtherPort(other),
                None => Admission::Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> EgressPolicy {
        let rules = r#"[
            {"host": "registry.example"},
            {"host": "*.mirror.example", "ports": [80, 8443], "tls": false, "allow_private": true}
        ]"#;
        EgressPolicy {
            rules: serde_json::from_str(rules).expect("rules"),
            ..EgressPolicy::default()
        }
    }

    fn ruling(id: u64, host: &str, port: Option<u16>, allow: bool) -> Ruling {
        Ruling {
            id,
            host: host.parse().expect("a pattern"),
            port,
            allow,
            scope: RulingScope::Job,
            job: JobId(1),
            run: None,
            by: "ada".into(),
            via: "cli".into(),
            at: Timestamp(0),
        }
    }

    fn host(text: &str) -> HostName {
        HostName::parse(text).expect("a host")
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let empty = EgressPolicy::default();
        let example = host("example.com");
        assert_eq!(empty.admit(&[], &example, 443), Admission::Unknown);
        // A job that was stored before there were rules.
        assert_eq!(
            serde_json::from_str::<EgressPolicy>("{}").expect("reads"),
            empty
        );
    }

    #[test]
    fn a_rule_is_for_its_hosts_and_ports() {
        let policy = policy();
        let admit = |name: &str, port| policy.admit(&[], &host(name), port);
        assert!(matches!(
            admit("registry.example", 443),
            Admission::Rule(rule) if rule.tls && !rule.allow_private
        ));
        assert!(matches!(
            admit("registry.example", 80),
            Admission::OtherPort(_)
        ));
        assert!(matches!(
            admit("a.mirror.example", 8443),
            Admission::Rule(rule) if !rule.tls && rule.allow_private
        ));
        assert_eq!(admit("mirror.example", 80), Admission::Unknown);
    }

    #[test]
    fn the_newest_ruling_that_fits_decides() {
        let policy = policy();
        let rulings = [
            ruling(4, "new.example", Some(8080), true),
            ruling(3, "registry.example", None, false),
            ruling(2, "*.b.example", None, false),
            ruling(1, "a.b.example", None, true),
        ];
        let rulings = &rulings;
        let admit = |name: &str, port| policy.admit(rulings, &host(name), port);
        assert_eq!(admit("new.example", 8080), Admission::Ruled);
        assert_eq!(admit("registry.example", 443), Admission::Denied);
        assert_eq!(admit("registry.example", 9999), Admission::Denied);
        assert_eq!(admit("a.b.example", 443), Admission::Denied);
    }

    #[test]
    fn an_allowance_without_a_port_is_for_the_web_alone() {
        let policy = EgressPolicy::default();
        let rulings = [ruling(1, "new.example", None, true)];
        let admit = |port| policy.admit(&rulings, &host("new.example"), port);
        assert_eq!(admit(443), Admission::Ruled);
        assert_eq!(admit(80), Admission::Ruled);
        assert_eq!(admit(22), Admission::Unknown);
    }

    #[test]
    fn an_allowance_takes_nothing_away_from_a_rule() {
        let policy = policy();
        let rulings = [ruling(1, "*.mirror.example", None, true)];
        assert!(matches!(
            policy.admit(&rulings, &host("a.mirror.example"), 80),
            Admission::Rule(rule) if rule.allow_private
        ));
    }
}
