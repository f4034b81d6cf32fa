//! Tunnels: what is carried, byte for byte, and what a person's answer changes.

use crate::rig::{Rig, Server, hello};
use sortie_gateway::egress::Outcome;
use sortie_model::clock::Timestamp;
use sortie_model::egress::{Ruling, RulingScope};
use sortie_model::id::JobId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn ruling(host: &str, port: Option<u16>, allow: bool) -> Ruling {
    Ruling {
        id: 1,
        host: host.parse().expect("a pattern"),
        port,
        allow,
        scope: RulingScope::Job,
        job: JobId(1),
        run: None,
        by: "ada".into(),
        via: "cli".into(),
        at: Timestamp(0),
    }
}

#[tokio::test]
async fn a_tunnel_to_the_named_host_carries_every_byte() {
    let far = Server::echo("127.0.0.1").await;
    let port = far.port();
    let rig = Rig::new(&format!(
        "{{ host = \"*.example.com\", ports = [{port}], allow_private = true }}"
    ));
    rig.names.set("a.example.com", &[&["127.0.0.1"]]);
    let (near, served) = rig.tunnel(&format!("A.Example.com.:{port}")).await;
    let mut sent = hello("a.example.com");
    sent.extend((0..3_000_000u32).map(|n| (n % 251) as u8));
    let (mut read, mut write) = tokio::io::split(near);
    let up = sent.clone();
    let writer = tokio::spawn(async move {
        // In pieces that cut the first message in two.
        for piece in up.chunks(77_777).flat_map(|piece| piece.chunks(60_000)) {
            write.write_all(piece).await.expect("it is carried");
        }
        write.shutdown().await.expect("it ends");
    });
    let mut back = Vec::new();
    read.read_to_end(&mut back).await.expect("it comes back");
    writer.await.expect("all was sent");
    served.await.expect("serving does not panic");
    assert!(back == sent, "{} of {} bytes", back.len(), sent.len());
    let row = rig.owner.row().await;
    assert_eq!(row.outcome, Outcome::Closed);
    assert_eq!(
        (row.method.as_str(), row.host.as_str(), row.port),
        ("CONNECT", "a.example.com", port)
    );
    assert_eq!(
        (row.up_bytes, row.down_bytes),
        (sent.len() as u64, sent.len() as u64)
    );
}

#[tokio::test]
async fn a_first_message_in_single_bytes_is_read_all_the_same() {
    let far = Server::echo("127.0.0.1").await;
    let port = far.port();
    let rig = Rig::new(&format!(
        "{{ host = \"a.example.com\", ports = [{port}], allow_private = true }}"
    ));
    rig.names.set("a.example.com", &[&["127.0.0.1"]]);
    let (mut near, _served) = rig.tunnel(&format!("a.example.com:{port}")).await;
    let sent = hello("a.example.com");
    for byte in &sent {
        near.write_all(&[*byte]).await.expect("it reads");
    }
    let mut back = vec![0; sent.len()];
    near.read_exact(&mut back).await.expect("it comes back");
    assert_eq!(back, sent);
}

#[tokio::test]
async fn an_answer_counts_from_the_next_connection_on_and_opens_nothing_inside() {
    let rig = Rig::new("");
    rig.names.set("new.example", &[&["127.0.0.1"]]);
    let ask = b"CONNECT new.example:443 HTTP/1.1\r\n\r\n";
    rig.send(ask).await;
    assert_eq!(rig.owner.row().await.reason, Some("not-listed"));
    *rig.owner.rulings.lock().expect("whole") = vec![ruling("new.example", None, true)];
    rig.send(ask).await;
    let row = rig.owner.row().await;
    assert_eq!(row.reason, Some("special-address"), "{row:?}");
    assert!(
        row.detail
            .is_some_and(|detail| detail.contains("127.0.0.1 is a loopback address"))
    );
    *rig.owner.rulings.lock().expect("whole") = vec![ruling("new.example", None, false)];
    rig.send(ask).await;
    assert_eq!(rig.owner.row().await.reason, Some("denied"));
}

#[tokio::test]
async fn nobody_there_is_said_so_without_an_address() {
    let closed = {
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        server.local_addr().expect("is bound").port()
    };
    let rig = Rig::new(&format!(
        "{{ host = \"gone.example\", ports = [{closed}], allow_private = true }}"
    ));
    rig.names.set("gone.example", &[&["127.0.0.1"]]);
    let answer = rig
        .send(format!("CONNECT gone.example:{closed} HTTP/1.1\r\n\r\n").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason),
        (Outcome::Failed, Some("unreachable"))
    );
    let rig = Rig::new("{ host = \"unknown.example\" }");
    let answer = rig
        .send(b"CONNECT unknown.example:443 HTTP/1.1\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && !answer.contains("10.9.8.7"),
        "{answer}"
    );
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason),
        (Outcome::Failed, Some("unresolved"))
    );
    assert_eq!(row.detail.as_deref(), Some("NXDOMAIN 10.9.8.7"));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_row() {
    let far = Server::echo("127.0.0.1").await;
    let port = far.port();
    let rig = Rig::new(&format!(
        "{{ host = \"127.0.0.1\", ports = [{port}], tls = false, allow_private = true }}"
    ));
    let (mut near, served) = rig.tunnel(&format!("127.0.0.1:{port}")).await;
    // It counts from now on, whatever becomes of the host.
    {
        let opened = rig.owner.opened.lock().expect("whole");
        assert_eq!(opened.len(), 1);
        assert_eq!(
            (opened[0].outcome, opened[0].reason, opened[0].port),
            (Outcome::Abandoned, Some("open"), port)
        );
        assert!(opened[0].address.is_some());
    }
    near.write_all(b"four").await.expect("it is carried");
    let mut back = [0; 4];
    near.read_exact(&mut back).await.expect("it comes back");
    served.abort();
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason, row.up_bytes, row.down_bytes),
        (Outcome::Abandoned, None, 4, 4)
    );
    assert_eq!(row.opened, Some(1));
    // One that says nothing at all.
    let (near, _served) = rig.open();
    drop(near);
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason),
        (Outcome::Failed, Some("nothing-asked"))
    );
    assert_eq!(row.opened, None);
}

#[tokio::test]
async fn a_far_end_that_speaks_first_is_not_heard_before_tls() {
    let far = Server::start("127.0.0.1", |mut io| async move {
        let _ = io.write_all(b"220 hello\r\n").await;
        let _ = io.read(&mut [0; 1]).await;
    })
    .await;
    let port = far.port();
    let rig = Rig::new(&format!(
        "{{ host = \"127.0.0.1\", ports = [{port}], allow_private = true }}"
    ));
    let (mut near, served) = rig.tunnel(&format!("127.0.0.1:{port}")).await;
    near.shutdown().await.expect("it closes");
    let mut back = Vec::new();
    near.read_to_end(&mut back).await.expect("it ends");
    assert!(back.is_empty(), "{back:?}");
    served.await.expect("serving does not panic");
    let row = rig.owner.row().await;
    assert_eq!(
        (row.outcome, row.reason, row.up_bytes, row.down_bytes),
        (Outcome::Closed, None, 0, 0)
    );
}
