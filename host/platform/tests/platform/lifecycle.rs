//! Installed, upgraded, rolled back, disabled, removed: each whole or not at
//! all.

use crate::rig::{Rig, everything, package};
use crate::worker::{ASKS, idler, manifest, packed, worker};
use serde_json::json;
use sortie_platform::PlatformError;
use sortie_platform::lifecycle::{Consent, Terms};
use sortie_store::{AuditFilter, PluginData};

const NAME: &str = "worker";

fn version(version: &str, asks: &str) -> Vec<u8> {
    packed(&worker(), &manifest(NAME, version, asks))
}

/// Asks for one thing more than [`ASKS`].
fn asks_more() -> String {
    ASKS.replace("\"read\"]", "\"read\", \"cancel\"]")
}

#[tokio::test]
async fn what_is_not_agreed_to_is_installed_and_does_not_run() {
    let rig = Rig::new().await;
    let bytes = version("1.0.0", ASKS);
    let looked_at = rig.platform.examine(&package(bytes.clone())).await.unwrap();
    assert_eq!(looked_at.beyond.len(), 3, "{looked_at:?}");
    assert!(rig.platform.installed().await.unwrap().is_empty());
    let view = rig
        .platform
        .install(package(bytes), Consent::Before, "ann")
        .await
        .unwrap();
    assert!(!view.plugin.enabled && view.beyond.len() == 3, "{view:?}");
    let why = view.plugin.disabled_why.unwrap();
    assert!(why.contains("submit"), "{why}");
    assert!(rig.hook(NAME, "1", "c").await.is_err());
    let error = rig.platform.enable(NAME, "ann").await.unwrap_err();
    assert!(matches!(error, PlatformError::NotGranted { .. }), "{error}");
    let view = rig.platform.grant(NAME, everything(), "ann").await.unwrap();
    assert!(view.plugin.enabled && view.beyond.is_empty());
    assert!(rig.hook(NAME, "1", "c").await.is_ok());
}

#[tokio::test]
async fn an_upgrade_that_wants_more_waits_for_its_grant_and_can_be_undone() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0", ASKS)).await;
    let upgraded = rig
        .platform
        .upgrade(
            package(version("1.1.0", &asks_more())),
            Consent::Before,
            "ann",
        )
        .await
        .unwrap();
    assert!(!upgraded.plugin.enabled);
    assert_eq!(upgraded.beyond.len(), 1);
    let back = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert_eq!(
        (&*back.plugin.version, back.plugin.enabled),
        ("1.0.0", true)
    );
    assert!(rig.hook(NAME, "1", "c").await.is_ok());
    let forth = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert!(!forth.plugin.enabled, "what it lacks, it still lacks");
    let granted = rig.platform.grant(NAME, everything(), "ann").await.unwrap();
    assert!(granted.plugin.enabled);
}

#[tokio::test]
async fn what_a_person_disabled_stays_so() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0", ASKS)).await;
    rig.platform
        .disable(NAME, Some("noisy"), "ann")
        .await
        .unwrap();
    let upgraded = rig
        .platform
        .upgrade(package(version("1.1.0", &asks_more())), everything(), "bob")
        .await
        .unwrap();
    assert_eq!(upgraded.plugin.disabled_why.as_deref(), Some("noisy"));
    let back = rig.platform.rollback(NAME, "bob").await.unwrap();
    assert_eq!(back.plugin.disabled_why.as_deref(), Some("noisy"));
    let granted = rig.platform.grant(NAME, everything(), "bob").await.unwrap();
    assert_eq!(granted.plugin.disabled_why.as_deref(), Some("noisy"));
    let rig = rig.reopen().await;
    assert!(rig.hook(NAME, "1", "c").await.is_err());
    let enabled = rig.platform.enable(NAME, "bob").await.unwrap();
    assert!(enabled.plugin.enabled);
}

#[tokio::test]
async fn a_grant_does_not_enable_what_a_person_disabled_before_it_was_granted() {
    let rig = Rig::new().await;
    let installed = rig
        .platform
        .install(package(version("1.0.0", ASKS)), Consent::Before, "ann")
        .await
        .unwrap();
    assert_eq!(installed.plugin.disabled_by, None);
    let off = rig
        .platform
        .disable(NAME, Some("noisy"), "ann")
        .await
        .unwrap();
    assert_eq!(off.plugin.disabled_by.as_deref(), Some("ann"));
    let granted = rig.platform.grant(NAME, everything(), "bob").await.unwrap();
    assert!(granted.beyond.is_empty() && !granted.plugin.enabled);
    assert_eq!(granted.plugin.disabled_why.as_deref(), Some("noisy"));
    let upgraded = rig
        .platform
        .upgrade(package(version("1.1.0", &asks_more())), everything(), "bob")
        .await
        .unwrap();
    assert!(!upgraded.plugin.enabled);
    assert!(rig.hook(NAME, "1", "c").await.is_err());
    rig.platform.enable(NAME, "bob").await.unwrap();
    assert!(rig.hook(NAME, "1", "c").await.is_ok());
}

#[tokio::test]
async fn what_is_refused_leaves_what_was_there_running() {
    let rig = Rig::new().await;
    let installed = rig.install(version("1.0.0", ASKS)).await.plugin;
    let again = rig
        .platform
        .install(package(version("1.1.0", ASKS)), everything(), "ann")
        .await;
    assert!(matches!(again, Err(PlatformError::Installed { .. })));
    let config = "[config]\ntype = \"object\"\nrequired = [\"url\"]\n\
                  properties = { url = { type = \"string\" } }\n";
    let refused = rig
        .platform
        .upgrade(
            package(version("1.1.0", &format!("{config}{ASKS}"))),
            everything(),
            "ann",
        )
        .await;
    assert!(matches!(refused, Err(PlatformError::Config { .. })));
    let now = rig.platform.plugin(NAME).await.unwrap().plugin;
    assert_eq!(now, installed);
    assert!(rig.hook(NAME, "1", "c").await.is_ok());
    // A configuration that is written meanwhile counts without a restart.
    rig.configs
        .lock()
        .unwrap()
        .insert(NAME.into(), json!({ "url": "x" }));
    rig.platform
        .upgrade(
            package(version("1.1.0", &format!("{config}{ASKS}"))),
            everything(),
            "ann",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_goes_on_when_nobody_waits_for_it() {
    let rig = Rig::new().await;
    {
        let bytes = package(version("1.0.0", ASKS));
        let install = rig.platform.install(bytes, everything(), "ann");
        let mut install = std::pin::pin!(install);
        let begun = futures::poll!(install.as_mut());
        assert!(begun.is_pending());
    }
    // Changes are made one after another, so this one waits for that one.
    rig.platform.enable(NAME, "ann").await.unwrap();
    assert!(rig.hook(NAME, "1", "c").await.is_ok());
}

#[tokio::test]
async fn a_package_whose_file_was_changed_does_not_run_until_it_is_put_back() {
    let rig = Rig::new().await;
    let installed = rig.install(version("1.0.0", ASKS)).await.plugin;
    let digest = &installed.digest;
    let path = rig.folder().join(format!("{digest}.wasm"));
    std::fs::write(&path, b"\0asm").unwrap();
    let rig = rig.reopen().await;
    let view = rig.platform.plugin(NAME).await.unwrap();
    let broken = view.broken.unwrap();
    assert!(
        broken.contains("not the one that was installed"),
        "{broken}"
    );
    assert!(broken.contains("sortie plugin upgrade"), "{broken}");
    assert!(rig.hook(NAME, "1", "c").await.is_err());
    // As it says.
    let again = || package(version("1.0.0", ASKS));
    let mended = rig.platform.upgrade(again(), Consent::Before, "bob").await;
    let mended = mended.unwrap();
    assert_eq!(mended.broken, None);
    assert_eq!(mended.plugin.grant, installed.grant);
    assert_eq!(mended.plugin.previous, None);
    assert!(rig.hook(NAME, "2", "c").await.is_ok());
    let log = rig.store.audit_log(AuditFilter::default()).await.unwrap();
    assert_eq!(
        (&*log[0].action, &*log[0].actor),
        ("plugin.repaired", "bob")
    );
    let rig = rig.reopen().await;
    assert!(rig.hook(NAME, "3", "c").await.is_ok());
    // What is whole is not mended.
    let refused = rig.platform.upgrade(again(), Consent::Before, "bob").await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("as version 1.0.0")
    );
}

#[tokio::test]
async fn removing_keeps_or_erases_what_it_kept() {
    let rig = Rig::new().await;
    for (data, left) in [(PluginData::Keep, 1), (PluginData::Erase, 0)] {
        rig.install(version("1.0.0", ASKS)).await;
        if left == 1 {
            rig.hook(NAME, "1", "c").await.unwrap();
        }
        rig.platform.remove(NAME, data, "ann").await.unwrap();
        assert_eq!(rig.counted(NAME).await, left);
        assert!(rig.plugins.get(NAME).is_none());
    }
    // Packages that nobody has any more are gone after the next start.
    let rig = rig.reopen().await;
    assert_eq!(std::fs::read_dir(rig.folder()).unwrap().count(), 0);
    assert!(rig.dir().exists());
}

#[tokio::test]
async fn one_of_the_hosts_own_comes_back_when_what_replaced_it_is_removed() {
    const OWN: &str = "budget-profiles";
    let rig = Rig::new().await;
    let own = sortie_plugins::shipped()
        .iter()
        .find(|shipped| shipped.name == OWN)
        .unwrap();
    rig.plugins
        .load(OWN, own.wasm, serde_json::Value::Null)
        .await
        .unwrap();
    let refused = rig.platform.remove(OWN, PluginData::Keep, "ann").await;
    assert!(matches!(refused, Err(PlatformError::Shipped { .. })));
    let mine = |version| package(packed(&idler(0), &manifest(OWN, version, "")));
    let looked_at = rig.platform.examine(&mine("9.0.0")).await.unwrap();
    assert!(looked_at.replaces_shipped, "{looked_at:?}");
    let unsaid = rig
        .platform
        .install(mine("9.0.0"), everything(), "ann")
        .await;
    assert!(matches!(unsaid, Err(PlatformError::ReplacesShipped { .. })));
    assert_eq!(rig.plugins.get(OWN).unwrap().digest, own.digest);
    let terms = Terms {
        consent: everything(),
        replace_shipped: true,
        disabled: None,
    };
    let replaced = rig
        .platform
        .install(mine("9.0.0"), terms, "ann")
        .await
        .unwrap();
    assert_eq!(rig.plugins.get(OWN).unwrap().digest, replaced.plugin.digest);
    let noted = AuditFilter {
        action: "plugin.shipped_replaced".into(),
        ..AuditFilter::default()
    };
    let noted = rig.store.audit_log(noted).await.unwrap();
    assert_eq!((noted.len(), &*noted[0].actor), (1, "ann"));
    assert_eq!(noted[0].detail["shipped"], own.digest);
    // Whoever replaced it once need not say so again.
    let newer = rig
        .platform
        .upgrade(mine("9.1.0"), Consent::Before, "ann")
        .await
        .unwrap();
    assert_eq!(rig.plugins.get(OWN).unwrap().digest, newer.plugin.digest);
    rig.platform
        .remove(OWN, PluginData::Keep, "ann")
        .await
        .unwrap();
    assert_eq!(rig.plugins.get(OWN).unwrap().digest, own.digest);
}

#[tokio::test]
async fn a_grant_gives_no_more_than_is_asked_for() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0", ASKS)).await;
    // The next version has no hook any more; the grant still speaks of one.
    let fewer = "[jobs]\nallow = [\"submit\", \"read\"]\n";
    let upgraded = rig
        .platform
        .upgrade(package(version("1.1.0", fewer)), Consent::Before, "ann")
        .await
        .unwrap();
    assert!(upgraded.plugin.enabled);
    assert!(rig.platform.hook_limit(NAME, "hook").is_none());
    // And one that is narrowed takes effect at once.
    let nothing = Consent::Exactly(Box::default());
    let narrowed = rig.platform.grant(NAME, nothing, "ann").await.unwrap();
    assert!(!narrowed.plugin.enabled);
}
