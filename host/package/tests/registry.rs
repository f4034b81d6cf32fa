//! A registry that nobody here wrote: Debian's `docker-registry`.

use std::path::Path;

use sortie_package::Digest;
use sortie_package::fetch::{FetchError, FetchOptions, Login, Source, push};
use sortie_servers::Registry;

use crate::{at_most, get, package};

async fn publish(
    target: &str,
    bytes: &[u8],
    signature: Option<&str>,
) -> Result<Source, FetchError> {
    push(
        &Source::parse(target).unwrap(),
        bytes,
        signature,
        &at_most(1 << 20),
    )
    .await
}

#[tokio::test]
async fn what_is_pushed_is_fetched_by_tag_and_by_digest() {
    let registry = Registry::start("");
    let one = package("one");
    let pinned = publish(&registry.at("team/one:1.2.3"), &one, Some("sig\nned\n"))
        .await
        .unwrap();
    let by_tag = get(&registry.at("team/one:1.2.3"), &at_most(1 << 20))
        .await
        .unwrap();
    assert_eq!((by_tag.digest, &by_tag.bytes), (Digest::of(&one), &one));
    assert_eq!(by_tag.signature.as_deref(), Some("sig ned"));
    assert_eq!(by_tag.pinned.to_string(), pinned.to_string());
    assert!(pinned.to_string().contains("@sha256:"), "{pinned}");

    // A tag moves; the digest does not.
    let two = package("two");
    publish(&registry.at("team/one:1.2.3"), &two, None)
        .await
        .unwrap();
    let moved = get(&registry.at("team/one:1.2.3"), &at_most(1 << 20))
        .await
        .unwrap();
    assert_eq!((moved.bytes, moved.signature), (two, None));
    let still = get(&pinned.to_string(), &at_most(1 << 20)).await.unwrap();
    assert_eq!(still.bytes, one);
}

#[tokio::test]
async fn what_is_not_there_too_large_or_changed_is_told_apart() {
    let registry = Registry::start("");
    let one = package("one");
    publish(&registry.at("one:1"), &one, None).await.unwrap();
    let missing = get(&registry.at("one:2"), &at_most(1 << 20))
        .await
        .unwrap_err();
    assert!(
        matches!(missing, FetchError::Status { status: 404, .. }),
        "{missing:?}"
    );
    let large = get(&registry.at("one:1"), &at_most(10)).await.unwrap_err();
    assert!(
        matches!(large, FetchError::TooLarge { limit: 10, .. }),
        "{large:?}"
    );

    let mut other = one.clone();
    other[20] ^= 1;
    overwrite(&registry.blob(&Digest::of(&one).hex()), &other);
    let changed = get(&registry.at("one:1"), &at_most(1 << 20))
        .await
        .unwrap_err();
    assert!(
        changed.to_string().to_lowercase().contains("digest"),
        "{changed:?}"
    );
    overwrite(&registry.blob(&Digest::of(&one).hex()), &one[..30]);
    get(&registry.at("one:1"), &at_most(1 << 20))
        .await
        .unwrap_err();
}

fn overwrite(path: &Path, bytes: &[u8]) {
    assert!(path.is_file(), "{}", path.display());
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn only_components_with_a_manifest_are_published() {
    let registry = Registry::start("");
    for (bytes, said) in [
        (&b"text"[..], "no WebAssembly"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0", "no manifest"),
    ] {
        let error = publish(&registry.at("one:1"), bytes, None)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let error = publish("./one.wasm", &package("one"), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("oci://"), "{error}");
}

#[tokio::test]
async fn a_registry_with_a_password_is_asked_with_it() {
    let registry = Registry::start("auth: { htpasswd: { realm: test, path: DIR/htpasswd } }\n");
    let target = Source::parse(&registry.at("one:1")).unwrap();
    let login = |password: &str| FetchOptions {
        login: Some(Login {
            user: "user".into(),
            password: password.to_owned().into(),
        }),
        ..at_most(1 << 20)
    };
    let one = package("one");
    let right = login("hunter2-hunter2");
    push(&target, &one, None, &right).await.unwrap();
    assert_eq!(get(&target.to_string(), &right).await.unwrap().bytes, one);
    for wrong in [login("wrong"), at_most(1 << 20)] {
        let error = get(&target.to_string(), &wrong).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Status { status: 401, .. }),
            "{error:?}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
