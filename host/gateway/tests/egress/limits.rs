//! What a run may use: each limit ends what goes over it, and nothing before.

use crate::rig::{Rig, Server};
use sortie_gateway::egress::{Outcome, Used};
use sortie_model::egress::EgressLimits;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn echo_with(limits: EgressLimits) -> (Rig, String) {
    let far = Server::echo("127.0.0.1").await;
    let port = far.port();
    let rule =
        format!("{{ host = \"127.0.0.1\", ports = [{port}], tls = false, allow_private = true }}");
    (Rig::with(&rule, limits), format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn bytes_are_cut_where_the_limit_is() {
    for (limits, reason, carried) in [
        (
            EgressLimits {
                up_bytes: 1000,
                ..EgressLimits::default()
            },
            "bytes-up",
            (1000, 1000),
        ),
        (
            EgressLimits {
                down_bytes: 1000,
                ..EgressLimits::default()
            },
            "bytes-down",
            (4000, 4000),
        ),
    ] {
        let (rig, target) = echo_with(limits).await;
        let (mut near, served) = rig.tunnel(&target).await;
        let _ = near.write_all(&[7; 4000]).await;
        let _ = near.shutdown().await;
        let mut back = Vec::new();
        near.read_to_end(&mut back).await.expect("it ends");
        served.await.expect("serving does not panic");
        assert!(back.len() <= 1000, "{reason}: {} bytes", back.len());
        let row = rig.owner.row().await;
        assert_eq!(
            (row.outcome, row.reason),
            (Outcome::Cut, Some(reason)),
            "{row:?}"
        );
        assert!(
            row.up_bytes <= carried.0 && row.down_bytes <= carried.1,
            "{row:?}"
        );
        let answer = rig
            .send(format!("CONNECT {target} HTTP/1.1\r\n\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
        let row = rig.owner.row().await;
        assert_eq!((row.outcome, row.reason), (Outcome::Refused, Some(reason)));
    }
}

#[tokio::test]
async fn connections_end_at_their_number_and_the_rest_leaves_one_row() {
    let limits = EgressLimits {
        connections: 2,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    let ask = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    for expected in [
        "HTTP/1.1 200 ",
        "HTTP/1.1 200 ",
        "HTTP/1.1 429 ",
        "HTTP/1.1 429 ",
    ] {
        let answer = rig.send(ask.as_bytes()).await;
        assert!(answer.starts_with(expected), "{answer}");
    }
    let mut ended = Vec::new();
    for _ in 0..3 {
        let row = rig.owner.row().await;
        ended.push((row.outcome, row.reason));
    }
    assert_eq!(ended[2], (Outcome::Refused, Some("connections")));
    assert_eq!(rig.owner.rows_left(), 0);
}

#[tokio::test]
async fn connections_at_once_are_bounded_and_a_place_becomes_free() {
    let limits = EgressLimits {
        at_once: 1,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    let (near, served) = rig.tunnel(&target).await;
    let ask = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    let answer = rig.send(ask.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(rig.owner.row().await.reason, Some("connections-at-once"));
    drop(near);
    served.await.expect("serving does not panic");
    let answer = rig.send(ask.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn what_a_connection_carries_is_written_while_it_goes_on() {
    const SIZE: usize = 5 * 1024 * 1024;
    let (rig, target) = echo_with(EgressLimits::default()).await;
    let (near, served) = rig.tunnel(&target).await;
    let (mut back, mut out) = tokio::io::split(near);
    let (sent, mut heard) = (vec![7; SIZE], vec![0; SIZE]);
    let (written, read) = tokio::join!(out.write_all(&sent), back.read_exact(&mut heard));
    written.expect("all is taken");
    read.expect("all comes back");
    let row = rig.owner.row().await;
    assert_eq!((row.reason, row.opened), (Some("open"), Some(1)), "{row:?}");
    assert!(row.up_bytes >= 4 * 1024 * 1024, "{row:?}");
    drop((back, out));
    served.await.expect("serving does not panic");
    let mut last = row;
    while last.outcome != Outcome::Closed {
        last = rig.owner.row().await;
    }
    let all = (SIZE as u64, SIZE as u64);
    assert_eq!((last.up_bytes, last.down_bytes), all);
}

#[tokio::test]
async fn what_a_run_used_before_counts() {
    let limits = EgressLimits {
        connections: 10,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    *rig.owner.used.lock().expect("whole") = Used {
        connections: 10,
        ..Used::default()
    };
    let answer = rig
        .send(format!("CONNECT {target} HTTP/1.1\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
}

#[tokio::test]
async fn nothing_goes_out_while_what_was_used_is_not_known() {
    let limits = EgressLimits {
        connections: 10,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    *rig.owner.used.lock().expect("whole") = Used {
        connections: 9,
        ..Used::default()
    };
    rig.owner.is_lost.store(true, Ordering::SeqCst);
    let ask = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    let answer = rig.send(ask.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason),
        (Outcome::Failed, Some("unknown"))
    );
    // It is asked again, and what it says then counts.
    rig.owner.is_lost.store(false, Ordering::SeqCst);
    for expected in ["HTTP/1.1 200 ", "HTTP/1.1 429 "] {
        let answer = rig.send(ask.as_bytes()).await;
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_carries_nothing_is_cut() {
    let limits = EgressLimits {
        idle_ms: 50,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    let (mut near, served) = rig.tunnel(&target).await;
    let mut back = Vec::new();
    near.read_to_end(&mut back)
        .await
        .expect("it ends by itself");
    assert!(back.is_empty());
    served.await.expect("serving does not panic");
    let row = rig.owner.row().await;
    assert_eq!((row.outcome, row.reason), (Outcome::Cut, Some("idle")));
}

#[tokio::test]
async fn a_run_s_time_on_the_network_ends() {
    let limits = EgressLimits {
        time_ms: 50,
        ..EgressLimits::default()
    };
    let (rig, target) = echo_with(limits).await;
    // Whether it is over before the far end is there or after.
    let (mut near, served) = rig.open();
    let ask = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
    near.write_all(ask.as_bytes()).await.expect("it reads");
    let mut back = Vec::new();
    near.read_to_end(&mut back)
        .await
        .expect("it ends by itself");
    drop(near);
    served.await.expect("serving does not panic");
    assert_eq!(rig.owner.row().await.reason, Some("time"));
    let answer = rig.send(ask.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert_eq!(rig.owner.row().await.reason, Some("time"));
}
