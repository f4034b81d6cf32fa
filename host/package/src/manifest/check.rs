//! Everything about a manifest that its types cannot say. Collects all faults;
//! changes nothing.

use std::collections::BTreeSet;

use super::requests::{Credential, EgressRequest, Limits, Requests, Scheme};
use super::sources::{EventSource, HttpSource, Verify};
use sortie_model::surface::Surface;

use super::{Build, ConfigSchema, Fault, HostPattern, Manifest, names};

/// Sources of one plugin; each is a path, a connection or a timer of the host.
const MAX_SOURCES: usize = 32;
/// Egress rules of one plugin: an operator reads each of them.
const MAX_EGRESS: usize = 64;
/// Directories of one plugin.
const MAX_DIRECTORIES: usize = 16;
/// Kinds of events and chats that one plugin names.
const MAX_WORDS: usize = 64;
/// The largest body of a source, as large as a plugin's list of bytes may be.
const MAX_BODY_BYTES: u64 = 8 << 20;
/// The longest text for people.
const MAX_TEXT_BYTES: usize = 1024;

/// The methods that a rule may name. `CONNECT` and `TRACE` are never sent.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Those whose request is its body.
const SIGNED_METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

/// The faults of a manifest, in its order.
pub fn faults(manifest: &Manifest) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.check("name", names::name(&manifest.name));
    texts(manifest, &mut faults);
    surfaces(manifest, &mut faults);
    if let Some(build) = &manifest.build {
        builds(build, &mut faults);
    }
    if let Some(schema) = &manifest.config
        && let Err(found) = ConfigSchema::new(schema)
    {
        faults.0.extend(found);
    }
    let requests = Requests {
        // As written: what is there by default is right.
        notify: manifest.notify.clone().unwrap_or_default(),
        ..manifest.requests()
    };
    asked(&requests, &mut faults);
    if manifest
        .notify
        .as_ref()
        .is_some_and(super::Notify::is_empty)
    {
        faults.add("notify.kinds", "name at least one kind, such as `job.*`");
    }
    faults.0
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault {
            at: at.into(),
            message: message.into(),
        });
    }

    fn check(&mut self, at: impl Into<String>, result: Result<(), String>) {
        if let Err(message) = result {
            self.add(at, message);
        }
    }

    fn at_most(&mut self, at: &str, count: usize, most: usize) {
        if count > most {
            self.add(at, format!("{count} are more than the {most} there may be"));
        }
    }

    fn unique<'a>(&mut self, at: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            if !seen.insert(name) {
                self.add(
                    format!("{at}[{index}]"),
                    format!("{} is there twice; names are unique", names::quoted(name)),
                );
            }
        }
    }
}

fn texts(manifest: &Manifest, faults: &mut Faults) {
    let mut text = |at: &str, text: &str| {
        if text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
            faults.add(
                at,
                format!("write one line of at most {MAX_TEXT_BYTES} bytes"),
            );
        }
    };
    text("description", &manifest.description);
    text("license", manifest.license.as_deref().unwrap_or_default());
    for (index, author) in manifest.authors.iter().enumerate() {
        text(&format!("authors[{index}]"), author);
    }
    if let Some(homepage) = &manifest.homepage {
        text("homepage", homepage);
        let web = url::Url::parse(homepage)
            .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        if !web {
            faults.add(
                "homepage",
                format!(
                    "{} is no web address; write one such as `https://example.com/`",
                    names::quoted(homepage)
                ),
            );
        }
    }
}

fn surfaces(manifest: &Manifest, faults: &mut Faults) {
    let has = |surface| manifest.surfaces.contains(&surface);
    if manifest.surfaces.is_empty() {
        faults.add(
            "surfaces",
            "name what the component exports, such as [\"scanner\"]",
        );
    }
    faults.unique("surfaces", manifest.surfaces.iter().map(|s| s.name()));
    let mut only = |at: &str, present: bool, of: &[Surface]| {
        if present && !of.iter().any(|surface| has(*surface)) {
            let of: Vec<&str> = of.iter().map(|surface| surface.name()).collect();
            faults.add(
                at,
                format!(
                    "only a {} has this; add it to `surfaces` or leave `{at}` out",
                    of.join(" or ")
                ),
            );
        }
    };
    let effectful = [Surface::Connector, Surface::Notifier];
    only("sources", !manifest.sources.is_empty(), &effectful[..1]);
    only("jobs", !manifest.jobs.is_empty(), &effectful[..1]);
    only("notify", manifest.notify.is_some(), &effectful[1..]);
    only("chat", !manifest.chat.is_empty(), &effectful);
    only("egress", !manifest.egress.is_empty(), &effectful);
}

fn builds(build: &Build, faults: &mut Faults) {
    if build.command.first().is_none_or(String::is_empty) {
        faults.add(
            "build.command",
            "name the program and its arguments, such as [\"make\", \"plugin\"]",
        );
    }
    let output = std::path::Path::new(&build.output);
    let inside = output.components().all(|part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    if build.output.is_empty() || !inside {
        faults.add(
            "build.output",
            format!(
                "{} is not below the project; write a relative path without `..`",
                names::quoted(&build.output)
            ),
        );
    }
}

fn asked(requests: &Requests, faults: &mut Faults) {
    faults.at_most("sources", requests.sources.len(), MAX_SOURCES);
    faults.unique("sources", requests.sources.iter().map(EventSource::name));
    for (index, source) in requests.sources.iter().enumerate() {
        let at = format!("sources[{index}]");
        faults.check(format!("{at}.name"), names::name(source.name()));
        match source {
            EventSource::Http(source) => http_source(&at, source, faults),
            EventSource::Timer(source) => {
                if let Err((key, message)) = source.schedule() {
                    faults.add(format!("{at}.{key}"), message);
                }
            }
        }
    }
    faults.at_most("egress", requests.egress.len(), MAX_EGRESS);
    for (index, rule) in requests.egress.iter().enumerate() {
        egress(&format!("egress[{index}]"), rule, faults);
    }
    faults.at_most("chat.sources", requests.chat.sources.len(), MAX_WORDS);
    for source in &requests.chat.sources {
        faults.check("chat.sources", names::name(source));
    }
    faults.at_most("notify.kinds", requests.notify.kinds.len(), MAX_WORDS);
    for (index, kind) in requests.notify.kinds.iter().enumerate() {
        faults.check(format!("notify.kinds[{index}]"), names::event_kind(kind));
    }
    faults.at_most("directories", requests.directories.len(), MAX_DIRECTORIES);
    faults.unique(
        "directories",
        requests
            .directories
            .iter()
            .map(|directory| directory.name.as_str()),
    );
    for (index, directory) in requests.directories.iter().enumerate() {
        faults.check(
            format!("directories[{index}].name"),
            names::name(&directory.name),
        );
    }
    limits(&requests.limits, faults);
}

fn http_source(at: &str, source: &HttpSource, faults: &mut Faults) {
    match &source.verify {
        Verify::HmacSha256 {
            header,
            prefix,
            secret,
            ..
        }
        | Verify::Token {
            header,
            prefix,
            secret,
        } => {
            faults.check(format!("{at}.verify.header"), names::header(header));
            faults.check(format!("{at}.verify.prefix"), names::header_prefix(prefix));
            faults.check(format!("{at}.verify.secret"), names::secret(secret));
        }
        Verify::SlackV0 { secret } | Verify::DiscordEd25519 { secret } => {
            faults.check(format!("{at}.verify.secret"), names::secret(secret));
        }
        Verify::None {} => {}
    }
    if let Some(header) = &source.delivery_id {
        faults.check(format!("{at}.delivery_id"), names::header(header));
    }
    if !(1..=MAX_BODY_BYTES).contains(&source.body_limit_bytes()) {
        faults.add(
            format!("{at}.max_body_bytes"),
            format!("write 1 to {MAX_BODY_BYTES}"),
        );
    }
}

fn egress(at: &str, rule: &EgressRequest, faults: &mut Faults) {
    faults.check(
        format!("{at}.host"),
        HostPattern::canonical(&rule.host)
            .map(drop)
            .map_err(|error| error.to_string()),
    );
    faults.check(
        format!("{at}.path_prefix"),
        names::path_prefix(&rule.path_prefix),
    );
    if rule.methods.is_empty() {
        faults.add(
            format!("{at}.methods"),
            "name at least one, or leave it out for [\"GET\"]",
        );
    }
    for method in &rule.methods {
        if !METHODS.contains(&method.as_str()) {
            faults.add(
                format!("{at}.methods"),
                format!(
                    "{} is no method here; write one of {}",
                    names::quoted(method),
                    METHODS.join(", ")
                ),
            );
        }
    }
    faults.unique(
        &format!("{at}.methods"),
        rule.methods.iter().map(String::as_str),
    );
    if rule.schemes.is_empty() {
        faults.add(
            format!("{at}.schemes"),
            "name at least one, or leave it out for [\"https\"]",
        );
    }
    faults.unique(
        &format!("{at}.schemes"),
        rule.schemes.iter().map(|scheme| scheme.name()),
    );
    if rule.port == Some(0) {
        faults.add(format!("{at}.port"), "write 1 to 65535");
    }
    if rule.port.is_some() && rule.schemes.len() > 1 {
        faults.add(
            format!("{at}.port"),
            "one port speaks one scheme; write a rule for each",
        );
    }
    if let Some(credential) = &rule.credential {
        credentials(&format!("{at}.credential"), credential, rule, faults);
    }
}

fn credentials(at: &str, credential: &Credential, rule: &EgressRequest, faults: &mut Faults) {
    faults.check(format!("{at}.secret"), names::secret(&credential.secret));
    match credential.in_path {
        true => in_path(at, credential, rule, faults),
        false => faults.check(
            format!("{at}.header"),
            names::credential_header(&credential.header),
        ),
    }
    faults.check(
        format!("{at}.prefix"),
        names::header_prefix(&credential.prefix),
    );
    if credential.sign.is_some()
        && let Some(method) = rule
            .methods
            .iter()
            .find(|m| !SIGNED_METHODS.contains(&m.as_str()))
    {
        faults.add(
            format!("{at}.sign"),
            format!(
                "a signature is of the body alone and says nothing of a {} request; leave it out of `methods`, which may name {}",
                names::quoted(method),
                SIGNED_METHODS.join(", ")
            ),
        );
    }
    if rule.schemes.contains(&Scheme::Http) && !rule.private {
        faults.add(
            at,
            "a secret is not sent over `http` to public addresses; leave `http` out of `schemes`",
        );
    }
}

/// A secret in the path is in nothing else, and in no other path than the
/// secret's own.
fn in_path(at: &str, credential: &Credential, rule: &EgressRequest, faults: &mut Faults) {
    for (key, there) in [
        ("header", !credential.header.is_empty()),
        ("prefix", !credential.prefix.is_empty()),
        ("sign", credential.sign.is_some()),
    ] {
        if there {
            faults.add(
                format!("{at}.{key}"),
                "the secret goes into the path; leave this out, or leave out `in_path`",
            );
        }
    }
    if rule.path_prefix == "/" {
        faults.add(
            format!("{at}.in_path"),
            "write in `path_prefix` what the path of the secret's URL begins with, such as `/api/webhooks`",
        );
    }
}

fn limits(limits: &Limits, faults: &mut Faults) {
    for (key, value) in [
        ("memory_bytes", limits.memory_bytes),
        ("cpu_ms", limits.cpu_ms),
        ("wall_ms", limits.wall_ms),
        ("kv_bytes", limits.kv_bytes),
    ] {
        // TOML and SQLite count in signed numbers.
        if value.is_some_and(|value| value == 0 || i64::try_from(value).is_err()) {
            faults.add(
                format!("limits.{key}"),
                "write a number above 0, or leave it out for the host's own",
            );
        }
    }
}
