//! What was found: mirrors with their rules, and what tells the package
//! managers in a sandbox of them.

use super::Preset;
use crate::net::is_loopback;
use sortie_model::egress::EgressRule;
use sortie_model::host::{HostName, HostPattern};
use std::collections::BTreeMap;
use url::Url;

/// The most mirrors of one machine; a handful is common.
const MAX_MIRRORS: usize = 64;

/// The fewest characters of a path's segment that may be a token; those that
/// registries put there have twenty and more.
const MIN_TOKEN_CHARS: usize = 16;

/// A place that a package manager is configured to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Whose.
    pub preset: Preset,
    /// What lets sandboxes reach it.
    pub rule: EgressRule,
    /// Where that was said: a variable or a file.
    pub said_in: String,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// Mirrors, in the order in which they were found.
    pub mirrors: Vec<Mirror>,
    env: Vec<(Preset, String, String)>,
    files: Vec<(Preset, String, String)>,
    /// Where credentials stood; what says so was not passed on.
    pub withheld: Vec<String>,
}

impl Detected {
    /// Takes a URL that a package manager is configured to fetch from. True
    /// when it may be passed on as it is: it says where, and no secret.
    ///
    /// One at this machine itself is neither opened nor passed on: a sandbox
    /// would ask its own loopback for it, and a rule would open the host's.
    pub(super) fn mirror(&mut self, preset: Preset, url: &str, said_in: &str) -> bool {
        let bare = url.strip_prefix("sparse+").unwrap_or(url);
        let Ok(parsed) = Url::parse(bare) else {
            return false;
        };
        let tls = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return false,
        };
        let Some(host) = parsed.host().and_then(HostName::new) else {
            return false;
        };
        if is_loopback(&host) {
            return false;
        }
        let port = parsed.port_or_known_default().unwrap_or(443);
        let rule = EgressRule {
            host: HostPattern::from(host),
            ports: vec![port],
            tls,
            // The machine's own configuration names it, and mirrors usually
            // stand on a private network.
            allow_private: true,
        };
        let known = self
            .mirrors
            .iter()
            .any(|m| m.preset == preset && m.rule == rule);
        if !known && self.mirrors.len() < MAX_MIRRORS {
            self.mirrors.push(Mirror {
                preset,
                rule,
                said_in: said_in.to_owned(),
            });
        }
        let secret = holds_secret(&parsed);
        if secret {
            self.withhold(said_in);
        }
        !secret
    }

    /// Notes that something was not passed on.
    pub(super) fn withhold(&mut self, said_in: &str) {
        if !self.withheld.iter().any(|known| known == said_in) {
            self.withheld.push(said_in.to_owned());
        }
    }

    /// Sets a variable in sandboxes; the first to set it wins.
    pub(super) fn set(&mut self, preset: Preset, name: &str, value: &str) {
        if !self.env.iter().any(|(_, own, _)| own == name) {
            self.env.push((preset, name.to_owned(), value.to_owned()));
        }
    }

    /// Puts a file into sandboxes.
    pub(super) fn put(&mut self, preset: Preset, path: &str, contents: String) {
        self.files.push((preset, path.to_owned(), contents));
    }

    /// The variables of some presets.
    pub(super) fn env_of(&self, wanted: impl Fn(&Preset) -> bool) -> BTreeMap<String, String> {
        pairs(&self.env, wanted)
    }

    /// The files of some presets.
    pub(super) fn files_of(&self, wanted: impl Fn(&Preset) -> bool) -> BTreeMap<String, String> {
        pairs(&self.files, wanted)
    }
}

/// Whether something in a URL is, or may be, a credential: user info, a query,
/// a fragment, or a segment of the path that looks like a token.
fn holds_secret(url: &Url) -> bool {
    !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
        || url.path().split('/').any(is_token)
}

/// Long, of one word's characters, with letters and digits.
fn is_token(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    segment.len() >= MIN_TOKEN_CHARS
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && segment.bytes().any(|b| b.is_ascii_alphabetic())
        && segment.bytes().any(|b| b.is_ascii_digit())
}

fn pairs(
    all: &[(Preset, String, String)],
    wanted: impl Fn(&Preset) -> bool,
) -> BTreeMap<String, String> {
    all.iter()
        .filter(|(preset, _, _)| wanted(preset))
        .map(|(_, name, value)| (name.clone(), value.clone()))
        .collect()
}
