//! Files: regular ones, of a bounded size.

use std::fs;
use std::os::unix::net::UnixListener;

use sortie_package::Digest;
use sortie_package::fetch::{FetchError, FetchOptions};

use crate::{at_most, get, package};

#[tokio::test]
async fn a_file_and_its_signature_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.wasm");
    let source = path.to_str().unwrap();
    fs::write(&path, package("one")).unwrap();
    let bare = get(source, &FetchOptions::default()).await.unwrap();
    assert_eq!((bare.bytes, bare.signature), (package("one"), None));
    assert_eq!(bare.pinned.to_string(), source);
    fs::write(dir.path().join("one.wasm.sig"), "signed").unwrap();
    let signed = get(source, &FetchOptions::default()).await.unwrap();
    assert_eq!(signed.signature.as_deref(), Some("signed"));
}

#[tokio::test]
async fn the_size_is_bounded_and_the_digest_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.wasm");
    fs::write(&path, [0; 100]).unwrap();
    let source = path.to_str().unwrap();
    get(source, &at_most(100)).await.unwrap();
    let large = get(source, &at_most(99)).await.unwrap_err();
    assert!(
        matches!(large, FetchError::TooLarge { limit: 99, .. }),
        "{large}"
    );
    // A sparse file of a terabyte is refused by its size, not by reading it.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let huge = get(source, &FetchOptions::default()).await.unwrap_err();
    assert!(matches!(huge, FetchError::TooLarge { .. }), "{huge}");
    fs::write(&path, "other").unwrap();
    let expecting = FetchOptions {
        expected: Some(Digest::of(b"this")),
        ..FetchOptions::default()
    };
    let other = get(source, &expecting).await.unwrap_err();
    assert!(matches!(other, FetchError::OtherDigest { .. }), "{other}");
}

#[tokio::test]
async fn what_is_no_file_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.wasm");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let socket = dir.path().join("socket.wasm");
    let _listener = UnixListener::bind(&socket).unwrap();
    let link = dir.path().join("link.wasm");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for path in [dir.path(), &pipe, &socket, &link] {
        let error = get(path.to_str().unwrap(), &at_most(100))
            .await
            .unwrap_err();
        assert!(matches!(error, FetchError::NotAFile { .. }), "{error}");
    }
    let missing = dir.path().join("missing.wasm");
    let error = get(missing.to_str().unwrap(), &at_most(100))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("missing.wasm"), "{error}");
}
