//! Web addresses: what is not followed, what breaks off, what is too much.

use std::fs;
use std::time::Duration;

use sortie_package::Digest;
use sortie_package::fetch::{FetchError, FetchOptions};

use crate::server::{ok, plain, status, to, with_tls};
use crate::{at_most, get, package};

fn answer(path: &str) -> Option<Vec<u8>> {
    Some(match path {
        "/one.wasm" | "/moved/here.wasm" => ok(&package("one")),
        "/one.wasm.sig" => ok(b"signed"),
        "/moved" => to("/moved/here.wasm"),
        "/elsewhere" => to("https://evil.example/one.wasm"),
        "/same-name-other-host" => to("//localhost/one.wasm"),
        "/other-port" => to("http://127.0.0.1:1/one.wasm"),
        "/with-user" => to("http://u:p@127.0.0.1/one.wasm"),
        "/file" => to("file:///etc/passwd"),
        "/circle" => to("/circle"),
        "/truncated" => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n0123456789"
                .to_vec()
        }
        "/announced" => {
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\nconnection: close\r\n\r\n".to_vec()
        }
        "/endless" => {
            let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for _ in 0..1000 {
                endless.extend_from_slice(b"400\r\n");
                endless.extend_from_slice(&[b'x'; 1024]);
                endless.extend_from_slice(b"\r\n");
            }
            endless
        }
        "/slow" => return None,
        "/partial" => status("204 No Content"),
        "/broken" => status("503 Service Unavailable"),
        _ => status("404 Not Found"),
    })
}

#[tokio::test]
async fn a_package_and_its_signature_are_fetched() {
    let server = plain(answer).await;
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", server.port);
    let fetched = get(&at("/one.wasm"), &at_most(1 << 20)).await.unwrap();
    assert_eq!(fetched.digest, Digest::of(&package("one")));
    assert_eq!(fetched.signature.as_deref(), Some("signed"));
    let moved = get(&at("/moved"), &at_most(1 << 20)).await.unwrap();
    assert_eq!((moved.bytes, moved.signature), (package("one"), None));
}

#[tokio::test]
async fn a_redirect_out_of_the_host_is_refused_by_name() {
    let server = plain(answer).await;
    for (path, named) in [
        ("/elsewhere", "https://evil.example/one.wasm"),
        ("/same-name-other-host", "http://localhost/one.wasm"),
        ("/other-port", "http://127.0.0.1:1/one.wasm"),
        ("/with-user", "127.0.0.1/one.wasm"),
        ("/file", "file:///etc/passwd"),
    ] {
        let source = format!("http://127.0.0.1:{}{path}", server.port);
        let error = get(&source, &at_most(1 << 20)).await.unwrap_err();
        assert!(matches!(error, FetchError::Redirected { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let circle = format!("http://127.0.0.1:{}/circle", server.port);
    let error = get(&circle, &at_most(1 << 20)).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirects { .. }), "{error}");
}

#[tokio::test]
async fn a_download_that_breaks_off_or_is_too_much_is_told_apart() {
    let server = plain(answer).await;
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", server.port);
    let error = get(&at("/truncated"), &at_most(1 << 20)).await.unwrap_err();
    assert!(
        matches!(
            error,
            FetchError::Truncated {
                expected: 1000,
                got: 10,
                ..
            }
        ),
        "{error}"
    );
    for path in ["/announced", "/endless"] {
        let error = get(&at(path), &at_most(10_000)).await.unwrap_err();
        assert!(
            matches!(error, FetchError::TooLarge { limit: 10_000, .. }),
            "{error}"
        );
    }
    for (path, expected) in [("/missing", 404), ("/broken", 503), ("/partial", 204)] {
        let error = get(&at(path), &at_most(10_000)).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Status { status, .. } if status == expected),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_and_one_that_is_not_there_end_in_time() {
    let server = plain(answer).await;
    let port = server.port;
    let hasty = FetchOptions {
        timeout: Duration::from_millis(200),
        ..FetchOptions::default()
    };
    let error = get(&format!("http://127.0.0.1:{port}/slow"), &hasty)
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. }), "{error}");
    drop(server);
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed = free.local_addr().unwrap().port();
    drop(free);
    let error = get(&format!("http://127.0.0.1:{closed}/x"), &at_most(1))
        .await
        .unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_digest_that_was_expected_is_held() {
    let server = plain(answer).await;
    let source = format!("http://127.0.0.1:{}/one.wasm", server.port);
    let expecting = |bytes: &[u8]| FetchOptions {
        expected: Some(Digest::of(bytes)),
        ..FetchOptions::default()
    };
    get(&source, &expecting(&package("one"))).await.unwrap();
    let error = get(&source, &expecting(b"other")).await.unwrap_err();
    assert!(matches!(error, FetchError::OtherDigest { .. }), "{error}");
}

#[tokio::test]
async fn tls_is_verified_and_an_extra_authority_can_be_named() {
    let (server, certificate) = with_tls(|path| {
        Some(match path {
            "/down" => to("http://localhost/one.wasm"),
            path => answer(path)?,
        })
    })
    .await;
    let at = |path: &str| format!("https://localhost:{}{path}", server.port);
    let error = get(&at("/one.wasm"), &at_most(1 << 20)).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    fs::write(&path, &certificate).unwrap();
    let trusting = FetchOptions {
        extra_ca: Some(path.clone()),
        ..FetchOptions::default()
    };
    let fetched = get(&at("/one.wasm"), &trusting).await.unwrap();
    assert_eq!(fetched.bytes, package("one"));
    let error = get(&at("/down"), &trusting).await.unwrap_err();
    assert!(matches!(error, FetchError::Redirected { .. }), "{error}");

    fs::write(&path, "no certificate").unwrap();
    let error = get(&at("/one.wasm"), &trusting).await.unwrap_err();
    assert!(matches!(error, FetchError::Certificates { .. }), "{error}");
}
