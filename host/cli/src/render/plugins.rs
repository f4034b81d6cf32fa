//! Plugins and packages, and what comes in and goes out for them, for people.

use super::jobs::table;
use super::{plain, short};
use crate::out::{Out, Tone};
use crate::project::package::About;
use sortie_api::view::{
    AuditView, DeliveryView, DifferenceView, PluginDetail, PluginEventView, PluginView,
};
use sortie_package::manifest::{DirectoryMode, DirectoryRequest, Subject, is_said_by_another};
use sortie_package::{Grant, Requests};

/// Plugins as a table.
pub fn plugins(out: &Out, plugins: &[PluginView]) -> String {
    let mut table = table(&["PLUGIN", "VERSION", "SURFACES", "FROM", "STATE", "DIGEST"]);
    for plugin in plugins {
        let from = match (&plugin.source, plugin.shipped) {
            (Some(source), _) => plain(source).into_owned(),
            (None, true) => "shipped".to_owned(),
            (None, false) => "-".to_owned(),
        };
        table.add_row([
            plain(&plugin.name).as_ref(),
            &plugin.version,
            &plugin.surfaces.join(", "),
            &from,
            &standing(out, plugin),
            short(&plugin.digest),
        ]);
    }
    table.trim_fmt()
}

fn standing(out: &Out, plugin: &PluginView) -> String {
    match (&plugin.broken, plugin.enabled) {
        (Some(_), _) => out.paint(Tone::Bad, "broken"),
        (None, true) => out.paint(Tone::Good, "runs"),
        (None, false) => out.paint(Tone::Warn, "disabled"),
    }
}

/// All about an installed plugin.
pub fn plugin(out: &Out, plugin: &PluginDetail) -> String {
    let view = &plugin.plugin;
    let mut page = format!("{}\n", out.paint(Tone::Strong, &view.name));
    let mut fact = |name: &str, value: &str| {
        let name = out.paint(Tone::Dim, &format!("{name:<10}"));
        page.push_str(&format!("  {name} {}\n", plain(value)));
    };
    fact("version", &view.version);
    fact("digest", &format!("sha256:{}", view.digest));
    fact("surfaces", &view.surfaces.join(", "));
    fact(
        "from",
        view.source.as_deref().unwrap_or("this host's own binary"),
    );
    fact(
        "signed by",
        view.signed_by
            .as_deref()
            .unwrap_or("nobody that the host trusts"),
    );
    let why = match (&view.broken, &view.disabled_why) {
        (Some(why), _) | (None, Some(why)) => format!(": {why}"),
        (None, None) => String::new(),
    };
    let state = match (&view.broken, view.enabled) {
        (Some(_), _) => "broken",
        (None, true) => "runs",
        (None, false) => "disabled",
    };
    fact("state", &format!("{state}{why}"));
    if let Some(previous) = &plugin.previous {
        let text = format!("{} (sha256:{})", previous.version, short(&previous.digest));
        fact("before", &text);
    }
    if let Some(changed) = &plugin.changed_at {
        fact("changed", changed);
    }
    page.push_str(&grant(out, plugin));
    if !plugin.beyond.is_empty() {
        let beyond = differences(&plugin.beyond);
        page.push_str("\n  it also wants to\n");
        page.push_str(&lines(out, Tone::Warn, &beyond));
    }
    page.truncate(page.trim_end().len());
    page
}

/// What a plugin was granted.
pub fn grant(out: &Out, plugin: &PluginDetail) -> String {
    let name = &plugin.plugin.name;
    let Some(grant) = &plugin.grant else {
        return format!("  {name} is this host's own and needs no grant");
    };
    let granted = match serde_json::from_value::<Grant>(grant.clone()) {
        Ok(grant) => granted(&grant),
        Err(error) => return format!("  the grant of {name} cannot be read: {error}"),
    };
    let mut page = match granted.is_empty() {
        true => format!("  {name} was granted nothing\n"),
        false => format!("  {name} may\n"),
    };
    page.push_str(&lines(out, Tone::Good, &granted));
    page.truncate(page.trim_end().len());
    page
}

/// A grant in the words in which it was asked for.
fn granted(grant: &Grant) -> Vec<String> {
    let requests = Requests {
        sources: grant.sources.clone(),
        egress: grant.egress.clone(),
        jobs: grant.jobs.clone(),
        chat: grant.chat.clone(),
        notify: grant.notify.clone(),
        directories: grant
            .directories
            .iter()
            .map(|directory| DirectoryRequest {
                name: directory.name.clone(),
                mode: directory.mode,
            })
            .collect(),
        limits: grant.limits,
    };
    let all = requests.beyond(&Grant::default()).into_iter();
    let mut lines: Vec<String> = all
        .filter(|line| line.subject != Subject::Directory)
        .map(|line| line.wants)
        .collect();
    lines.extend(grant.directories.iter().map(|directory| {
        let doing = match directory.mode {
            DirectoryMode::Read => "read",
            DirectoryMode::ReadWrite => "read, change and delete",
        };
        let path = directory.path.display();
        format!("{doing} the files of {path}, as /{}", directory.name)
    }));
    lines
}

/// What is asked for beyond a grant, one line each; without what another line
/// says too.
pub fn differences(beyond: &[DifferenceView]) -> Vec<String> {
    let all: Vec<&str> = beyond.iter().map(|one| one.wants.as_str()).collect();
    let line = |beyond: &DifferenceView| match &beyond.granted {
        Some(granted) => format!("{} (granted so far: {granted})", beyond.wants),
        None => beyond.wants.clone(),
    };
    let told = |one: &&DifferenceView| !is_said_by_another(&one.wants, &all);
    beyond.iter().filter(told).map(line).collect()
}

/// What a package is and what it asks for.
pub fn package(out: &Out, file: &str, about: &About) -> String {
    let mut page = format!("{}\n", out.paint(Tone::Strong, file));
    let mut fact = |name: &str, value: &str| {
        let name = out.paint(Tone::Dim, &format!("{name:<10}"));
        page.push_str(&format!("  {name} {}\n", plain(value)));
    };
    fact("plugin", &format!("{} {}", about.name, about.version));
    if !about.description.is_empty() {
        fact("about", &about.description);
    }
    fact("digest", &about.digest);
    fact("size", &size(about.bytes));
    fact("surfaces", &about.surfaces.join(", "));
    fact("imports", &about.imports.join(", "));
    let asks: Vec<String> = about.asks.iter().map(ToString::to_string).collect();
    page.push_str(match asks.is_empty() {
        true => "  it asks for nothing",
        false => "  it wants to\n",
    });
    page.push_str(&lines(out, Tone::Warn, &asks));
    page.truncate(page.trim_end().len());
    page
}

fn lines(out: &Out, tone: Tone, lines: &[String]) -> String {
    let line = |line: &String| format!("    {} {}\n", out.paint(tone, "-"), plain(line));
    lines.iter().map(line).collect()
}

/// Events for plugins as a table.
pub fn plugin_events(events: &[PluginEventView]) -> String {
    let mut table = table(&[
        "EVENT", "PLUGIN", "SOURCE", "STATE", "TRIES", "RECEIVED", "ERROR",
    ]);
    for event in events {
        table.add_row([
            &event.id.to_string(),
            plain(&event.plugin).as_ref(),
            plain(&event.source).as_ref(),
            &event.state,
            &event.attempts.to_string(),
            &event.received_at,
            &super::title(event.error.as_deref().unwrap_or("-")),
        ]);
    }
    table.trim_fmt()
}

/// Deliveries to notifiers as a table.
pub fn deliveries(deliveries: &[DeliveryView]) -> String {
    let mut table = table(&[
        "EVENT", "NOTIFIER", "KIND", "JOB", "STATE", "TRIES", "ERROR",
    ]);
    for delivery in deliveries {
        table.add_row([
            &delivery.seq.to_string(),
            plain(&delivery.notifier).as_ref(),
            plain(&delivery.kind).as_ref(),
            &delivery
                .job
                .map_or_else(|| "-".to_owned(), |job| format!("#{job}")),
            &delivery.state,
            &delivery.attempts.to_string(),
            &super::title(delivery.error.as_deref().unwrap_or("-")),
        ]);
    }
    table.trim_fmt()
}

/// The log of who changed what as a table.
pub fn audit(entries: &[AuditView]) -> String {
    let mut table = table(&["ROW", "AT", "WHO", "WHAT", "TO", "DETAIL"]);
    for entry in entries {
        table.add_row([
            &entry.id.to_string(),
            &entry.at,
            plain(&entry.actor).as_ref(),
            plain(&entry.action).as_ref(),
            plain(&entry.subject).as_ref(),
            &super::title(&entry.detail.to_string()),
        ]);
    }
    table.trim_fmt()
}

/// Bytes in a unit that people read.
fn size(bytes: usize) -> String {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(7), "7 bytes");
        assert_eq!(size(106 << 10), "106 KiB");
        assert_eq!(size((12 << 20) + (1 << 19)), "12.5 MiB");
    }

    #[test]
    fn a_line_that_another_says_too_is_left_out() {
        let wants = |wants: &str| DifferenceView {
            subject: "notify".into(),
            wants: wants.into(),
            granted: None,
        };
        let all = wants("be told of everything that happens to jobs");
        let part = wants("be told of each agent.progress");
        assert_eq!(differences(&[all, part.clone()]).len(), 1);
        assert_eq!(differences(&[part]).len(), 1);
    }

    #[test]
    fn a_grant_names_its_directories() {
        let grant = serde_json::json!({
            "directories": [{ "name": "rules", "path": "/srv/rules" }],
            "jobs": { "allow": ["read"] },
        });
        let lines = granted(&serde_json::from_value(grant).expect("a grant"));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].ends_with("the files of /srv/rules, as /rules"));
    }
}
