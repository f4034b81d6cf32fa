//! Installing, upgrading, granting and removing plugins, and the log of it.

use crate::plugin_support::{HOOK, plugin};
use crate::support::{home, open};
use serde_json::{Value, json};
use sortie_store::{AuditEntry, AuditFilter, InstalledPlugin, PluginData, StoreError};

fn digest(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn refusal(result: Result<InstalledPlugin, StoreError>) -> String {
    match result {
        Err(error @ StoreError::Plugin { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plugin_reads_back_as_it_was_installed() {
    let home = home().await;
    let store = &home.store;
    let mut new = plugin(HOOK, "0.1.0", 'a');
    new.signature = Some("{}".into());
    new.signed_by = Some("team".into());
    let grant = json!({ "egress": [{ "host": "api.example.com" }] });
    let made = store
        .install_plugin(new.clone(), grant.clone(), None, "ann")
        .await
        .unwrap();
    assert_eq!(made.digest, new.digest);
    assert_eq!(made.manifest, new.manifest);
    assert_eq!(made.grant, grant);
    assert_eq!(made.signature.as_deref(), Some("{}"));
    assert_eq!(made.signed_by.as_deref(), Some("team"));
    assert_eq!(made.previous, None);
    assert!(made.enabled);
    assert_eq!(store.plugin(HOOK).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.plugins().await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(store.plugin("other").await.unwrap(), None);

    let again = store
        .install_plugin(plugin(HOOK, "0.2.0", 'b'), json!({}), None, "ann")
        .await;
    assert!(refusal(again).contains("sortie plugin upgrade"));
    assert_eq!(home.actions(HOOK).await, ["plugin.installed"]);

    let (dir, clock) = (home.dir, home.clock);
    home.store.close().await;
    let store = open(dir.path(), &clock);
    assert_eq!(store.plugin(HOOK).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_version_that_asks_for_more_runs_when_it_was_granted() {
    let home = home().await;
    let store = &home.store;
    let grant = json!({ "jobs": ["read"] });
    store
        .install_plugin(plugin(HOOK, "0.1.0", 'a'), grant, None, "ann")
        .await
        .unwrap();
    let why = "it asks for jobs.submit, which is not granted";
    let upgraded = store
        .upgrade_plugin(
            plugin(HOOK, "0.2.0", 'b'),
            json!({ "jobs": ["read", "cancel"] }),
            Some(why.into()),
            "ann",
        )
        .await
        .unwrap();
    assert!(!upgraded.enabled);
    assert_eq!(upgraded.grant, json!({ "jobs": ["read", "cancel"] }));
    assert_eq!(upgraded.disabled_why.as_deref(), Some(why));
    assert_eq!(upgraded.previous.unwrap().digest, digest('a'));

    let wider = json!({ "jobs": ["read", "submit"] });
    let stale = store
        .grant_plugin(HOOK, &digest('a'), wider.clone(), None, "ann")
        .await;
    assert!(
        refusal(stale).contains("version 0.2.0"),
        "a grant is for the version that was looked at"
    );
    let granted = store
        .grant_plugin(HOOK, &digest('b'), wider.clone(), None, "bob")
        .await
        .unwrap();
    assert!(granted.enabled);
    assert_eq!(granted.grant, wider);
    let log = store.audit_log(AuditFilter::default()).await.unwrap();
    assert_eq!(log[0].actor, "bob");
    assert_eq!(
        log[0].detail["before"],
        json!({ "jobs": ["read", "cancel"] })
    );
    assert_eq!(log[0].detail["grant"], wider);
    assert_eq!(
        home.actions(HOOK).await,
        ["plugin.installed", "plugin.upgraded", "plugin.granted"]
    );
}

#[tokio::test]
async fn those_that_are_counted_on_are_found_by_surface() {
    let home = home().await;
    let store = &home.store;
    for (name, surfaces, lacks) in [
        ("both", json!(["connector", "scanner"]), None),
        ("hook", json!(["connector"]), None),
        ("lacks", json!(["scanner"]), Some("it wants to read".into())),
        ("off", json!(["scanner"]), None),
        ("rule", json!(["scanner"]), None),
    ] {
        let mut new = plugin(name, "0.1.0", 'a');
        new.manifest["surfaces"] = surfaces;
        store
            .install_plugin(new, json!({}), lacks, "ann")
            .await
            .unwrap();
    }
    store.disable_plugin("off", "noisy", "ann").await.unwrap();
    let counted = async || store.counted_on("scanner").await.unwrap();
    assert_eq!(counted().await, ["both", "rule"]);
    let (a, lacks) = (digest('a'), Some("it wants more".into()));
    let less = store.grant_plugin("both", &a, json!({}), lacks, "ann");
    assert!(!less.await.unwrap().enabled);
    assert_eq!(counted().await, ["both", "rule"]);
    let mut shipped = plugin("shipped", "0.1.0", 'a');
    shipped.manifest["surfaces"] = json!(["scanner"]);
    shipped.replaces_shipped = Some(digest('f'));
    let lacks = Some("it wants to read".into());
    let placed = store.install_plugin(shipped, json!({}), lacks, "ann").await;
    assert!(!placed.unwrap().enabled);
    assert_eq!(counted().await, ["both", "rule", "shipped"]);
    store
        .disable_plugin("shipped", "noisy", "ann")
        .await
        .unwrap();
    // What ran until a version came that wants more is not one less.
    for name in ["off", "rule"] {
        let mut newer = plugin(name, "0.2.0", 'b');
        newer.manifest["surfaces"] = json!(["scanner"]);
        let more = Some("it wants to read".into());
        let newer = store.upgrade_plugin(newer, json!({}), more, "ann").await;
        assert!(!newer.unwrap().enabled);
    }
    assert_eq!(counted().await, ["both", "rule"]);
}

#[tokio::test]
async fn a_rollback_brings_the_previous_version_back_and_another_undoes_it() {
    let home = home().await;
    let store = &home.store;
    let none = store
        .rollback_plugin(HOOK, &digest('a'), json!({}), None, "ann")
        .await;
    assert!(refusal(none).contains("not installed"));
    store
        .install_plugin(plugin(HOOK, "0.1.0", 'a'), json!({}), None, "ann")
        .await
        .unwrap();
    let none = store
        .rollback_plugin(HOOK, &digest('a'), json!({}), None, "ann")
        .await;
    assert!(refusal(none).contains("no previous version"));
    let same = store
        .upgrade_plugin(plugin(HOOK, "0.1.1", 'a'), json!({}), None, "ann")
        .await;
    assert!(refusal(same).contains("as version 0.1.0"));
    let other = store
        .upgrade_plugin(plugin("other", "0.1.0", 'c'), json!({}), None, "ann")
        .await;
    assert!(refusal(other).contains("not installed"));
    store
        .upgrade_plugin(plugin(HOOK, "0.2.0", 'b'), json!({}), None, "ann")
        .await
        .unwrap();
    let wrong = store
        .rollback_plugin(HOOK, &digest('c'), json!({}), None, "ann")
        .await;
    assert!(refusal(wrong).contains("0.1.0"));
    for (to, version, other) in [('a', "0.1.0", "0.2.0"), ('b', "0.2.0", "0.1.0")] {
        let back = store
            .rollback_plugin(HOOK, &digest(to), json!({"of": version}), None, "ann")
            .await
            .unwrap();
        assert_eq!(back.version, version);
        assert_eq!(back.manifest["version"], version);
        assert_eq!(back.grant["of"], version);
        assert_eq!(back.previous.unwrap().version, other);
    }
    let refused = home.actions(HOOK).await.len();
    assert_eq!(refused, 4, "what was refused is not in the log");
}

#[tokio::test]
async fn a_disabled_plugin_is_enabled_in_the_version_that_was_looked_at() {
    let home = home().await;
    let store = &home.store;
    store
        .install_plugin(plugin(HOOK, "0.1.0", 'a'), json!({}), None, "ann")
        .await
        .unwrap();
    let off = store
        .disable_plugin(HOOK, "it floods the log", "ann")
        .await
        .unwrap();
    assert!(!off.enabled);
    assert_eq!(off.disabled_by.as_deref(), Some("ann"));
    let off = store.disable_plugin(HOOK, "again", "bob").await.unwrap();
    assert_eq!(off.disabled_why.as_deref(), Some("again"));
    assert_eq!(off.disabled_by.as_deref(), Some("bob"));
    let wrong = store.enable_plugin(HOOK, &digest('b'), "ann").await;
    assert!(refusal(wrong).contains("0.1.0"));
    for _ in 0..2 {
        let on = store
            .enable_plugin(HOOK, &digest('a'), "ann")
            .await
            .unwrap();
        assert!(on.enabled);
        assert_eq!((on.disabled_why, on.disabled_by), (None, None));
    }
    assert_eq!(
        home.actions(HOOK).await,
        [
            "plugin.installed",
            "plugin.disabled",
            "plugin.disabled",
            "plugin.enabled"
        ],
        "what changed nothing is not in the log"
    );
}

#[tokio::test]
async fn a_person_s_word_outlives_every_grant_and_version() {
    let home = home().await;
    let store = &home.store;
    let lacks = || Some("it wants to submit jobs".to_owned());
    let made = store
        .install_plugin(plugin(HOOK, "0.1.0", 'a'), json!({}), lacks(), "ann")
        .await
        .unwrap();
    assert_eq!((made.enabled, made.disabled_by), (false, None));
    // It cannot run anyway, and is told not to.
    store.disable_plugin(HOOK, "noisy", "ann").await.unwrap();
    let kept = |plugin: InstalledPlugin| {
        assert!(!plugin.enabled);
        assert_eq!(plugin.disabled_why.as_deref(), Some("noisy"));
        assert_eq!(plugin.disabled_by.as_deref(), Some("ann"));
    };
    let (a, b) = (digest('a'), digest('b'));
    let granted = store.grant_plugin(HOOK, &a, json!({}), None, "bob").await;
    kept(granted.unwrap());
    for lacks in [lacks(), None] {
        let narrowed = store.grant_plugin(HOOK, &a, json!({}), lacks, "bob").await;
        kept(narrowed.unwrap());
    }
    let newer = plugin(HOOK, "0.2.0", 'b');
    let upgraded = store.upgrade_plugin(newer, json!({}), lacks(), "bob").await;
    kept(upgraded.unwrap());
    let granted = store.grant_plugin(HOOK, &b, json!({}), None, "bob").await;
    kept(granted.unwrap());
    kept(
        store
            .rollback_plugin(HOOK, &a, json!({}), None, "bob")
            .await
            .unwrap(),
    );
    let enabled = store.enable_plugin(HOOK, &a, "bob").await.unwrap();
    assert!(enabled.enabled && enabled.disabled_by.is_none());
    let disabled = AuditFilter {
        action: "plugin.disabled".into(),
        ..AuditFilter::default()
    };
    let disabled = store.audit_log(disabled).await.unwrap();
    assert_eq!(disabled[0].detail["why"], "noisy");
}

#[tokio::test]
async fn nonsense_is_refused() {
    let home = home().await;
    let store = &home.store;
    let mut upper = plugin(HOOK, "0.1.0", 'a');
    upper.digest = "A".repeat(64);
    let mut nameless = plugin(HOOK, "0.1.0", 'a');
    nameless.name = String::new();
    for new in [upper, nameless] {
        let made = store.install_plugin(new, json!({}), None, "ann").await;
        assert!(matches!(made, Err(StoreError::Invalid { .. })), "{made:?}");
    }
    let good = plugin(HOOK, "0.1.0", 'a');
    let nobody = store
        .install_plugin(good.clone(), json!({}), None, "")
        .await;
    assert!(matches!(nobody, Err(StoreError::Invalid { .. })));
    let why = Some(" ".into());
    let why = store.install_plugin(good, json!({}), why, "ann").await;
    assert!(matches!(why, Err(StoreError::Invalid { .. })));
    assert_eq!(store.plugins().await.unwrap(), []);
    let gone = store.remove_plugin(HOOK, PluginData::Erase, "ann").await;
    assert!(refusal(gone).contains("not installed"));
}

fn entry(action: &str, subject: &str, detail: Value) -> AuditEntry {
    AuditEntry {
        actor: "plugin:webhook".into(),
        action: action.into(),
        subject: subject.into(),
        detail,
    }
}

#[tokio::test]
async fn the_log_is_read_by_subject_and_by_what_an_action_begins_with() {
    let home = home().await;
    let store = &home.store;
    for i in 0..30 {
        let action = ["egress.sent", "egress.denied", "hook.refused"][i % 3];
        let subject = ["webhook", "nightly"][i % 2];
        store
            .audit(entry(action, subject, json!({ "i": i })))
            .await
            .unwrap();
    }
    let read = |subject: Option<&str>, action: &str, before, limit| {
        let filter = AuditFilter {
            subject: subject.map(str::to_owned),
            action: action.into(),
            before,
            limit,
        };
        async move {
            let log = store.audit_log(filter).await.unwrap();
            let of = |i: &Value| usize::try_from(i.as_u64().unwrap()).unwrap();
            log.into_iter()
                .map(|row| (row.id, of(&row.detail["i"])))
                .collect::<Vec<_>>()
        }
    };
    let expect = |keep: &dyn Fn(usize) -> bool| {
        let kept = (0..30).rev().filter(|i| keep(*i));
        kept.collect::<Vec<_>>()
    };
    let numbers = |rows: Vec<(u64, usize)>| rows.into_iter().map(|row| row.1).collect::<Vec<_>>();

    assert_eq!(numbers(read(None, "", None, 0).await), expect(&|_| true));
    let egress = read(None, "egress.", None, 0).await;
    assert_eq!(numbers(egress.clone()), expect(&|i| i % 3 != 2));
    let one = read(None, "egress.sent", None, 0).await;
    assert_eq!(numbers(one), expect(&|i| i % 3 == 0));
    let of = read(Some("nightly"), "", None, 0).await;
    assert_eq!(numbers(of), expect(&|i| i % 2 == 1));
    let both = read(Some("nightly"), "egress", None, 0).await;
    assert_eq!(numbers(both), expect(&|i| i % 2 == 1 && i % 3 != 2));
    assert_eq!(read(None, "zzz", None, 0).await, []);
    assert_eq!(read(Some("nobody"), "", None, 0).await, []);

    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let page = read(None, "egress.", before, 3).await;
        let Some(last) = page.last() else { break };
        before = Some(last.0);
        paged.extend(page);
    }
    assert_eq!(paged, egress, "pages together are the whole");

    let long = store.audit(entry("", "webhook", json!({}))).await;
    assert!(matches!(long, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn the_log_only_grows() {
    let home = home().await;
    home.store
        .audit(entry("egress.sent", "webhook", json!({})))
        .await
        .unwrap();
    let path = home.dir.path().join("sortie.db");
    home.store.close().await;
    let conn = rusqlite::Connection::open(path).unwrap();
    for sql in ["UPDATE audit SET actor = 'eve'", "DELETE FROM audit"] {
        let error = conn.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("only grows"), "{error}");
    }
}
