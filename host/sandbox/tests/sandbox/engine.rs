//! Engines that are away, slow, or lack the image.

use crate::rig::{Closed, options, spec, with};
use sortie_sandbox::{Endpoint, EngineOptions, Sandbox, SandboxError};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_image_is_named_with_what_to_do() {
    with(|options| options.image = "sortie-no-such-image:none".into(), |rig| async move {
        let error = rig.sandbox.launch(spec(1, 1), Arc::new(Closed)).await.unwrap_err();
        assert!(matches!(&error, SandboxError::ImageMissing { image, .. } if image == "sortie-no-such-image:none"), "{error}");
        assert!(error.to_string().contains("cargo xtask image"), "{error}");
        assert_eq!(rig.sandbox.list().await.unwrap(), []);
        let report = rig.sandbox.check().await;
        assert!(!report.is_usable() && report.version.is_some(), "{report:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_engine_is_reported_usable() {
    with(
        |_| {},
        |rig| async move {
            let report = rig.sandbox.check().await;
            assert!(report.is_usable(), "{:?}", report.problems);
            assert!(
                report.image.is_some() && report.runtime.is_some() && !report.security.is_empty(),
                "{report:?}"
            );
        },
    )
    .await;
    with(
        |options| options.runtime = Some("no-such-runtime".into()),
        |rig| async move {
            assert!(!rig.sandbox.check().await.is_usable());
            let error = rig
                .sandbox
                .launch(spec(1, 1), Arc::new(Closed))
                .await
                .unwrap_err();
            assert!(
                matches!(error, SandboxError::EngineRefused { .. }),
                "{error}"
            );
            assert_eq!(rig.sandbox.list().await.unwrap(), []);
        },
    )
    .await;
}

async fn at(endpoint: Endpoint) -> Sandbox {
    let options = EngineOptions {
        endpoint,
        connect_timeout: Duration::from_millis(500),
        call_timeout: Duration::from_millis(500),
        ..options()
    };
    Sandbox::connect(options)
        .await
        .expect("the engine may be down at the start")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_told_and_found_later() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("engine.sock");
    let sandbox = at(Endpoint::Unix(socket.clone())).await;
    let error = sandbox.list().await.unwrap_err();
    assert!(
        matches!(error, SandboxError::EngineUnreachable { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(
        error.to_string().contains("start it") && error.to_string().contains("engine.sock"),
        "{error}"
    );
    // Nobody listens on it, which is what an engine that died leaves.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = sandbox.list().await.unwrap_err();
    assert!(
        matches!(error, SandboxError::EngineUnreachable { .. }),
        "{error}"
    );
    // It comes up, and the same handle finds it.
    std::fs::remove_file(&socket).unwrap();
    std::os::unix::fs::symlink("/var/run/docker.sock", &socket).unwrap();
    assert_eq!(sandbox.list().await.unwrap(), []);

    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let error = at(Endpoint::Tcp {
        url: format!("tcp://{closed}"),
        tls: None,
    })
    .await
    .list()
    .await
    .unwrap_err();
    assert!(
        matches!(error, SandboxError::EngineUnreachable { .. }),
        "{error}"
    );
    let error = at(Endpoint::Ssh("ssh://nobody@nowhere.invalid".into()))
        .await
        .list()
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_engine_is_waited_for_only_so_long() {
    // Takes connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let sandbox = at(Endpoint::Tcp { url, tls: None }).await;
    let begun = std::time::Instant::now();
    let error = sandbox
        .launch(spec(1, 1), Arc::new(Closed))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SandboxError::EngineTimeout { .. }) && error.is_transient(),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(!sandbox.check().await.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_talks_nonsense_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = io.read(&mut request).await;
            let _ = io
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhaha")
                .await;
        }
    });
    let error = at(Endpoint::Tcp { url, tls: None })
        .await
        .list()
        .await
        .unwrap_err();
    assert!(
        matches!(error, SandboxError::EngineRefused { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn options_that_cannot_be_are_refused() {
    for change in [
        |options: &mut EngineOptions| options.instance = "Not a name".into(),
        |options: &mut EngineOptions| options.instance = String::new(),
        |options: &mut EngineOptions| options.image = String::new(),
        |options: &mut EngineOptions| options.limits.memory_bytes = 1,
        |options: &mut EngineOptions| options.limits.cpu_milli = 0,
    ] {
        let mut options = options();
        change(&mut options);
        assert!(matches!(
            Sandbox::connect(options).await,
            Err(SandboxError::Options { .. })
        ));
    }
}
