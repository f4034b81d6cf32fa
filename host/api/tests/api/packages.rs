//! Packages that are refused: each with its status and its reason, and what
//! was installed before still runs.

use crate::guests::{component, honest};
use crate::rig::{Answer, Rig, Upload};
use crate::worker::{ASKS, manifest, packed, worker};
use reqwest::Method;
use serde_json::json;
use sortie_package::signature::{SecretKey, Statement, TrustedKeys};
use sortie_package::{Digest, MAX_PACKAGE_BYTES};
use sortie_platform::Trust;

const NAME: &str = "worker";

fn version(version: &str) -> Vec<u8> {
    packed(&worker(), &manifest(NAME, version, ASKS))
}

/// Expects the upgrade to be refused so, and the plugin to run on as before.
async fn refused(rig: &Rig, upload: Upload, status: u16, problem: &str, reason: &str) {
    let before = rig.get("/v1/plugins/worker").await.body;
    let answer = rig.upload("/v1/plugins/worker/upgrade", upload).await;
    expect(&answer, status, problem, reason);
    assert_eq!(rig.get("/v1/plugins/worker").await.body, before);
    let ran = rig
        .client
        .post(format!("{}/hooks/worker/hook", rig.url))
        .header("x-delivery", reason)
        .body("c")
        .send()
        .await
        .unwrap();
    assert_eq!(ran.status(), 200);
}

fn expect(answer: &Answer, status: u16, problem: &str, reason: &str) {
    assert_eq!(
        (answer.status, answer.problem()),
        (status, problem),
        "{answer:?}"
    );
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains(reason), "{detail}");
}

#[tokio::test]
async fn what_is_no_plugin_of_this_host_is_refused_and_says_why() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    let core = wat::parse_str("(module)").unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let newer = {
        let wit = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../wit/workflow/workflow.wit"
        ));
        let wit = wit
            .unwrap()
            .replace("sortie:workflow@0.1.0", "sortie:workflow@0.2.0");
        let wat = r#"(module (memory (export "memory") 1)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
          (func (export "sortie:workflow/workflow@0.2.0#describe") (result i32) unreachable)
          (func (export "sortie:workflow/workflow@0.2.0#advance") (param i32) (result i32) unreachable))"#;
        component(&["host"], &[&wit], "job-workflow", wat)
    };
    let next = manifest(NAME, "1.1.0", ASKS);
    for (package, reason) in [
        (b"garbage".to_vec(), "no WebAssembly"),
        (Vec::new(), "no WebAssembly"),
        (core, "core module"),
        (worker(), "no manifest"),
        (packed(&empty, &next), "export"),
        (packed(&newer, &next), "0.2.0"),
        (packed(&honest("severe"), &next), "surfaces"),
        (version("1.1.0")[..2000].to_vec(), "plugin"),
    ] {
        refused(&rig, Upload::of(package), 422, "bad-package", reason).await;
    }
    let other = packed(&worker(), &manifest("other", "1.0.0", ASKS));
    refused(&rig, Upload::of(other), 422, "bad-package", "`other`").await;
    refused(
        &rig,
        Upload::of(version("1.0.0")),
        409,
        "plugin-conflict",
        "as version 1.0.0",
    )
    .await;
}

#[tokio::test]
async fn a_package_over_the_limit_is_refused() {
    let rig = Rig::new().await;
    let large = usize::try_from(MAX_PACKAGE_BYTES).unwrap() + 1;
    let answer = rig.upload("/v1/plugins", Upload::of(vec![0; large])).await;
    expect(&answer, 422, "bad-package", "more than");
    let larger = Upload::of(vec![0; large + 5 * 256 * 1024]);
    let answer = rig.upload("/v1/plugins", larger).await;
    expect(&answer, 413, "too-large", "bytes");
    let text = Upload::of(version("1.0.0")).with("manifest", "x".repeat(300_000));
    let answer = rig.upload("/v1/plugins", text).await;
    expect(&answer, 413, "too-large", "manifest");
}

#[tokio::test]
async fn a_form_that_cannot_be_read_is_refused() {
    let rig = Rig::new().await;
    let no_form = rig.request(Method::POST, "/v1/plugins").body("x");
    let answer = rig.send(no_form).await;
    expect(&answer, 415, "unsupported-media-type", "form");
    let none = Upload {
        package: None,
        texts: vec![("source", "nowhere".into())],
    };
    let answer = rig.upload("/v1/plugins", none).await;
    expect(&answer, 400, "bad-request", "no package");
    let unknown = Upload::of(Vec::new()).with("colour", "red");
    let answer = rig.upload("/v1/plugins", unknown).await;
    expect(&answer, 400, "bad-request", "colour");
    let mut twice = Upload::of(Vec::new());
    twice.texts.push(("consent", "\"before\"".into()));
    let answer = rig.upload("/v1/plugins", twice).await;
    expect(&answer, 400, "bad-request", "two parts");
    for consent in ["never", "{\"exactly\":{\"colour\":1}}"] {
        let odd = Upload::of(Vec::new()).with("consent", consent);
        let answer = rig.upload("/v1/plugins", odd).await;
        expect(&answer, 422, "invalid-request", "read the");
    }
}

#[tokio::test]
async fn a_configuration_that_does_not_do_is_refused() {
    let rig = Rig::new().await;
    rig.install(version("1.0.0")).await;
    let schema = "[config]\ntype = \"object\"\nrequired = [\"url\"]\n\
                  properties = { url = { type = \"string\" } }\n";
    let next = packed(
        &worker(),
        &manifest(NAME, "1.1.0", &format!("{schema}{ASKS}")),
    );
    let set = |value| {
        rig.configs.lock().unwrap().insert(NAME.into(), value);
    };
    for wrong in [json!({}), json!({ "url": 1 })] {
        set(json!({}));
        refused(
            &rig,
            Upload::of(next.clone()),
            422,
            "bad-configuration",
            "url",
        )
        .await;
        set(wrong);
    }
    set(json!({ "url": "x" }));
    let answer = rig
        .upload("/v1/plugins/worker/upgrade", Upload::of(next))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_second_one_of_a_name_is_a_conflict_and_an_unknown_one_is_not_found() {
    let rig = Rig::new().await;
    let answer = rig
        .upload("/v1/plugins/worker/upgrade", Upload::of(version("1.0.0")))
        .await;
    expect(&answer, 404, "not-found", "not installed");
    rig.install(version("1.0.0")).await;
    let answer = rig
        .upload("/v1/plugins", Upload::of(version("1.1.0")))
        .await;
    expect(&answer, 409, "plugin-conflict", "1.0.0");
    assert!(answer.body["hint"].as_str().unwrap().contains("upgrade"));
}

#[tokio::test]
async fn the_name_of_one_of_the_hosts_own_is_taken_only_on_a_word() {
    let rig = Rig::new().await;
    let gate = || {
        Upload::of(packed(
            &worker(),
            &manifest("reward-hacking", "9.0.0", ASKS),
        ))
    };
    let examined = rig.upload("/v1/plugins/examine", gate()).await;
    assert_eq!(examined.body["replaces_shipped"], true, "{examined:?}");
    for upload in [gate(), gate().with("replace_shipped", "false")] {
        let answer = rig.upload("/v1/plugins", upload).await;
        expect(&answer, 409, "plugin-conflict", "--replace-shipped");
    }
    let odd = gate().with("replace_shipped", "perhaps");
    let answer = rig.upload("/v1/plugins", odd).await;
    expect(&answer, 422, "invalid-request", "neither true");
    let said = gate().with("replace_shipped", "true");
    let answer = rig.upload("/v1/plugins", said).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn a_manifest_may_come_beside_a_component() {
    let rig = Rig::new().await;
    let beside = Upload::of(worker()).with("manifest", manifest(NAME, "1.0.0", ASKS));
    let answer = rig.upload("/v1/plugins", beside).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let odd = Upload::of(worker()).with("manifest", "nam = \"x\"");
    let answer = rig.upload("/v1/plugins", odd).await;
    expect(&answer, 422, "bad-package", "`name`");
}

#[tokio::test]
async fn where_signatures_are_required_a_package_without_a_good_one_is_forbidden() {
    let key = SecretKey::generate("ann").unwrap();
    let mut keys = TrustedKeys::default();
    keys.add(key.public());
    let rig = Rig::trusting(Trust {
        keys,
        require_signatures: true,
    })
    .await;
    let bytes = version("1.0.0");
    let sign = |digest| {
        let version = "1.0.0".parse().unwrap();
        Statement::new(NAME, &version, digest).sign(&key).to_text()
    };
    let answer = rig.upload("/v1/plugins", Upload::of(bytes.clone())).await;
    expect(&answer, 403, "untrusted", "not signed");
    for (signature, reason) in [
        (sign(Digest::of(b"other")), "was changed"),
        ("x".to_owned(), "cannot be read"),
    ] {
        let upload = Upload::of(bytes.clone()).with("signature", signature);
        let answer = rig.upload("/v1/plugins", upload).await;
        expect(&answer, 403, "untrusted", reason);
    }
    let good = Upload::of(bytes.clone()).with("signature", sign(Digest::of(&bytes)));
    let answer = rig.upload("/v1/plugins", good).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.body["signed_by"].as_str().unwrap().contains("ann"));
}
