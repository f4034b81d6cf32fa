//! The container's loopback services, and what they lead to.

use crate::rig::{Closed, finish, shell, spec, with};
use async_trait::async_trait;
use sortie_sandbox::{Adoption, BoxedIo, WireGateway};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers every connection with its kind and what it was told.
struct Echo;

async fn echo(mut io: BoxedIo, kind: &str) {
    let mut line = Vec::new();
    while let Ok(byte) = io.read_u8().await {
        if byte == b'\n' {
            break;
        }
        line.push(byte);
    }
    let answer = format!("{kind} heard {}\n", String::from_utf8_lossy(&line));
    let _ = io.write_all(answer.as_bytes()).await;
    let _ = io.shutdown().await;
}

#[async_trait]
impl WireGateway for Echo {
    async fn llm(&self, io: BoxedIo) {
        echo(io, "llm").await;
    }
    async fn egress(&self, io: BoxedIo) {
        echo(io, "egress").await;
    }
}

const ASK: &str = r#"ask() { exec 3<>/dev/tcp/127.0.0.1/$1; echo "$2" >&3; cat <&3; exec 3>&-; };"#;

#[tokio::test(flavor = "multi_thread")]
async fn connections_reach_the_gateway() {
    with(
        |_| {},
        |rig| async move {
            let workspace = rig
                .sandbox
                .launch(spec(1, 1), Arc::new(Echo))
                .await
                .unwrap();
            let mut step = workspace
                .start(shell(
                    "ask",
                    &format!("{ASK} ask 3129 model; ask 3128 proxy"),
                ))
                .await
                .unwrap();
            assert_eq!(
                finish(&mut step).await.0,
                "llm heard model\negress heard proxy\n"
            );
            // Many at once: none is lost.
            let script = format!(
                "{ASK} for i in {{1..100}}; do (ask 3129 $i) & done | sort -u | wc -l; wait"
            );
            let mut step = workspace.start(shell("many", &script)).await.unwrap();
            assert_eq!(finish(&mut step).await.0, "100\n");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_waits_for_the_next_host() {
    with(|_| {}, |rig| async move {
        let workspace = rig.sandbox.launch(spec(1, 1), Arc::new(Closed)).await.unwrap();
        let script = format!("{ASK} echo begun; until [ -e /work/go ]; do sleep 0.01; done; echo go; ask 3129 patience");
        let mut step = workspace.start(shell("ask", &script)).await.unwrap();
        assert_eq!(step.next_output().await.unwrap().unwrap().bytes, "begun\n");
        let container = workspace.container().to_owned();
        drop((step, workspace));
        // With no wire attached, the connection is made and held.
        rig.exec_in(&container, "touch /work/go; until grep -q ':0C39 .* 01 ' /proc/net/tcp; do sleep 0.01; done");
        let adopted = rig.restarted().await.adopt(1, 2, Arc::new(Echo)).await.unwrap();
        let Adoption::Live(workspace) = adopted else { panic!("{adopted:?}") };
        let (said, _) = finish(&mut workspace.step("ask", 0).await.unwrap()).await;
        assert_eq!(said, "begun\ngo\nllm heard patience\n");
    })
    .await;
}
