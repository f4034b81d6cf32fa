//! What a notifier is told sooner or later and its author may not think of.

use crate::stage::{Call, Play};
use crate::world::job;
use sortie_plugins::outside::JobView;
use sortie_plugins::surfaces::notifier::Notification;

/// The key of every delivery; long enough to be told from any other text.
pub(crate) const KEY: &str = "host-1f0e-plugin-7c2a-000042";

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn delivery(kind: &str, data: &str, job: JobView) -> Call {
    let event = Notification {
        seq: 42,
        at_ms: 1_760_000_060_000,
        kind: kind.into(),
        data: data.into(),
        job,
    };
    Call::Delivery(event, KEY.into())
}

/// What happens to every job.
pub(crate) fn usual() -> Vec<Play> {
    [
        ("job.queued", "queued", None),
        ("job.running", "running", None),
        ("job.needs_review", "needs_review", Some(COMMIT)),
        ("job.awaiting_approval", "awaiting_approval", Some(COMMIT)),
        ("job.succeeded", "succeeded", None),
        ("job.failed", "failed", None),
        ("job.cancelled", "cancelled", None),
        ("job.halted", "halted", None),
    ]
    .into_iter()
    .map(|(kind, state, asked)| {
        let view = JobView {
            asked_commit: asked.map(str::to_owned),
            detail: Some("Two files changed.".into()),
            branch: (state == "succeeded").then(|| "sortie/42".into()),
            ..job(42, state)
        };
        Play::new(kind, delivery(kind, r#"{"attempt":1}"#, view))
    })
    .collect()
}

/// Kinds and states that come with a newer host.
pub(crate) fn newer() -> Vec<Play> {
    [
        ("a new kind", "job.invented", "running"),
        ("a new state", "job.running", "invented_today"),
        ("a new family of kinds", "planet.discovered", "running"),
    ]
    .into_iter()
    .map(|(what, kind, state)| Play::new(what, delivery(kind, r#"{"new":[1]}"#, job(42, state))))
    .collect()
}

/// Texts and numbers at their ends.
pub(crate) fn odd() -> Vec<Play> {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let long = format!("{{\"text\":\"{}\"}}", "word é ".repeat(40_000));
    let mut plays: Vec<Play> = [
        ("an event without fields", "{}"),
        ("an event whose fields are nothing", ""),
        ("an event whose fields are no JSON", "{\"a\":"),
        ("an event whose fields are no object", "[null]"),
        ("an event of the longest fields", &long),
        ("an event of the deepest fields", &deep),
    ]
    .into_iter()
    .map(|(what, data)| Play::new(what, delivery("job.running", data, job(42, "running"))))
    .collect();
    let text = |chars: usize| "\u{1}\u{202e}".repeat(chars / 2);
    let nothing = JobView {
        project: String::new(),
        title: String::new(),
        requested_by: String::new(),
        created_at_ms: 0,
        updated_at_ms: 0,
        ..job(0, "")
    };
    let most = JobView {
        project: "x".repeat(64),
        title: text(120),
        requested_by: text(256),
        branch: Some("x".repeat(240)),
        asked_commit: Some("f".repeat(64)),
        detail: Some(text(64 << 10)),
        created_at_ms: u64::MAX,
        updated_at_ms: u64::MAX,
        ..job(u64::MAX, "needs_review")
    };
    let short = JobView {
        asked_commit: Some("é".into()),
        ..job(1, "needs_review")
    };
    for (what, kind, view) in [
        ("a job of empty texts", "", nothing),
        ("the largest job", "job.needs_review", most),
        (
            "a job asked about a commit of one letter",
            "job.needs_review",
            short,
        ),
    ] {
        let mut call = delivery(kind, "{}", view);
        if let Call::Delivery(event, _) = &mut call {
            (event.seq, event.at_ms) = (event.job.id, event.job.created_at_ms);
        }
        plays.push(Play::new(what, call));
    }
    plays
}

/// The nth delivery like this one: another event of another job.
pub(crate) fn fresh(play: &Play, n: u64) -> Play {
    let mut play = play.clone();
    if let Call::Delivery(event, key) = &mut play.call {
        event.seq = 10_000 + n;
        event.job.id = 10_000 + n;
        *key = format!("host-1f0e-plugin-7c2a-{}", event.seq);
    }
    play
}
