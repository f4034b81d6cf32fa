//! Who stands behind a package counts whenever it is to run, not only on the
//! day when it was installed.

use crate::rig::{Rig, everything, package};
use crate::worker::{ASKS, manifest, packed, worker};
use sortie_package::Digest;
use sortie_package::signature::{SecretKey, Statement, TrustedKeys};
use sortie_platform::lifecycle::{Consent, Package};
use sortie_platform::sources::http::Answer;
use sortie_platform::{PlatformError, Trust};

const NAME: &str = "worker";

fn version(version: &str, asks: &str) -> Vec<u8> {
    packed(&worker(), &manifest(NAME, version, asks))
}

fn statement(key: &SecretKey, version: &str, digest: Digest) -> String {
    let version = version.parse().unwrap();
    Statement::new(NAME, &version, digest).sign(key).to_text()
}

fn signed(key: &SecretKey, number: &str) -> Package {
    let mut offered = package(version(number, ASKS));
    offered.signature = Some(statement(key, number, Digest::of(&offered.bytes)));
    offered
}

fn trusting(keys: &[&SecretKey], require_signatures: bool) -> Trust {
    let mut trusted = TrustedKeys::default();
    for key in keys {
        trusted.add(key.public());
    }
    Trust {
        keys: trusted,
        require_signatures,
    }
}

fn required(keys: &[&SecretKey]) -> Trust {
    trusting(keys, true)
}

/// It does not run, and says why and what to do.
async fn broken(rig: &Rig, reason: &str) {
    let view = rig.platform.plugin(NAME).await.unwrap();
    let why = view.broken.unwrap();
    assert!(why.contains(reason), "{why}");
    assert!(why.contains("sortie plugin upgrade"), "{why}");
    assert_eq!(view.plugin.signed_by, None);
    assert!(rig.hook(NAME, "broken", "c").await.is_err());
    let error = rig.platform.enable(NAME, "ann").await.unwrap_err();
    assert!(matches!(error, PlatformError::Untrusted { .. }), "{error}");
    // A grant can be changed, which changes nothing about that.
    let nothing = Consent::Exactly(Box::default());
    for (consent, enabled) in [(nothing, false), (everything(), true)] {
        let granted = rig.platform.grant(NAME, consent, "ann").await.unwrap();
        assert_eq!(granted.plugin.enabled, enabled);
        assert_eq!(granted.broken.is_some(), enabled);
        assert!(rig.plugins.get(NAME).is_none());
    }
}

#[tokio::test]
async fn where_signatures_are_required_only_those_of_trusted_keys_do() {
    let (ann, eve) = (
        SecretKey::generate("ann").unwrap(),
        SecretKey::generate("eve").unwrap(),
    );
    let rig = Rig::trusting(required(&[&ann])).await;
    let bytes = version("1.0.0", ASKS);
    let digest = Digest::of(&bytes);
    let signed = |key, version, digest| Some(statement(key, version, digest));
    for (signature, reason) in [
        (None, "not signed"),
        (signed(&eve, "1.0.0", digest), "not trusted"),
        (signed(&ann, "1.0.1", digest), "version 1.0.1"),
        (signed(&ann, "1.0.0", Digest::of(b"x")), "was changed"),
    ] {
        let mut offered = package(bytes.clone());
        offered.signature = signature;
        let refused = rig.platform.install(offered, everything(), "ann").await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(reason), "{text}");
    }
    let mut offered = package(bytes);
    offered.signature = signed(&ann, "1.0.0", digest);
    let view = rig
        .platform
        .install(offered, everything(), "ann")
        .await
        .unwrap();
    let by = view.plugin.signed_by.unwrap();
    assert!(by.contains("ann"), "{by}");
    let answer = rig.hook(NAME, "1", "c").await.unwrap();
    assert!(matches!(answer, Answer::Handled(None)));
}

#[tokio::test]
async fn a_signature_counts_for_no_manifest_beside_the_component() {
    let ann = SecretKey::generate("ann").unwrap();
    let beside = |asks: &str| {
        let mut offered = package(worker());
        offered.beside = Some(manifest(NAME, "1.0.0", asks));
        offered
    };
    let mut signed = beside(ASKS);
    signed.signature = Some(statement(&ann, "1.0.0", Digest::of(&signed.bytes)));
    for trust in [required(&[&ann]), trusting(&[&ann], false)] {
        let rig = Rig::trusting(trust).await;
        let refused = rig
            .platform
            .install(signed.clone(), everything(), "ann")
            .await
            .unwrap_err();
        assert!(
            matches!(refused, PlatformError::SignedBeside { .. }),
            "{refused}"
        );
    }
    // What stands beside it is what the digest is of, too.
    let rig = Rig::new().await;
    let (one, other) = (beside(ASKS), beside("[limits]\ncpu_ms = 5\n"));
    let one = rig.platform.examine(&one).await.unwrap();
    let other = rig.platform.examine(&other).await.unwrap();
    assert_ne!(one.digest, other.digest);
    let packed = version("1.0.0", ASKS);
    assert_eq!(one.digest, Digest::of(&packed).hex());
}

#[tokio::test]
async fn an_unsigned_plugin_does_not_run_once_signatures_are_required() {
    let ann = SecretKey::generate("ann").unwrap();
    let rig = Rig::trusting(trusting(&[&ann], false)).await;
    rig.install(version("1.0.0", ASKS)).await;
    let rig = rig.reopen_trusting(required(&[&ann])).await;
    broken(&rig, "not signed").await;
    // The same bytes with a signature will do.
    let upgraded = rig
        .platform
        .upgrade(signed(&ann, "1.0.0"), Consent::Before, "ann")
        .await
        .unwrap();
    assert!(upgraded.plugin.signed_by.unwrap().contains("ann"));
    assert_eq!(upgraded.plugin.previous, None);
    rig.platform
        .upgrade(signed(&ann, "1.1.0"), everything(), "ann")
        .await
        .unwrap();
    assert!(rig.hook(NAME, "mended", "c").await.is_ok());
}

#[tokio::test]
async fn a_rollback_does_not_bring_back_what_nobody_signed() {
    let ann = SecretKey::generate("ann").unwrap();
    let rig = Rig::trusting(trusting(&[&ann], false)).await;
    rig.install(version("1.0.0", ASKS)).await;
    rig.platform
        .upgrade(signed(&ann, "1.1.0"), everything(), "ann")
        .await
        .unwrap();
    let rig = rig.reopen_trusting(required(&[&ann])).await;
    let error = rig.platform.rollback(NAME, "ann").await.unwrap_err();
    assert!(matches!(error, PlatformError::Untrusted { .. }), "{error}");
    let stayed = rig.platform.plugin(NAME).await.unwrap();
    assert_eq!((&*stayed.plugin.version, stayed.broken), ("1.1.0", None));
    assert!(rig.hook(NAME, "stayed", "c").await.is_ok());
    // Where nobody has to sign it may go back, and forth again as signed.
    let rig = rig.reopen_trusting(trusting(&[&ann], false)).await;
    let back = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert_eq!(back.plugin.signed_by, None);
    let forth = rig.platform.rollback(NAME, "ann").await.unwrap();
    assert!(forth.plugin.signed_by.unwrap().contains("ann"));
}

#[tokio::test]
async fn a_key_that_is_trusted_no_longer_stops_what_it_signed_until_it_is_again() {
    let (ann, bob) = (
        SecretKey::generate("ann").unwrap(),
        SecretKey::generate("bob").unwrap(),
    );
    let rig = Rig::trusting(required(&[&ann])).await;
    rig.platform
        .install(signed(&ann, "1.0.0"), everything(), "ann")
        .await
        .unwrap();
    let rig = rig.reopen_trusting(required(&[&bob])).await;
    broken(&rig, "is not trusted").await;
    // Where none is required it runs, as what nobody signed.
    let rig = rig.reopen_trusting(trusting(&[&bob], false)).await;
    let view = rig.platform.plugin(NAME).await.unwrap();
    assert_eq!((view.plugin.signed_by, view.broken), (None, None));
    let rig = rig.reopen_trusting(required(&[&ann, &bob])).await;
    assert!(rig.hook(NAME, "again", "c").await.is_ok());
}
