//! What one run takes of the endpoint, and what it leaves to the others.

use crate::rig::{Answer, Rig, connect, request};
use hyper::StatusCode;
use serde_json::json;
use sortie_servers::{Reply, Turn};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

fn body() -> String {
    json!({ "model": "m-1", "messages": [], "max_tokens": 50 }).to_string()
}

/// An answer to another run on the same host, which has to come soon.
async fn of_another_run(rig: &Rig) -> Answer {
    let (other, _) = rig.other_run().await;
    let mut sender = connect(&other).await;
    let asked = sender.send_request(request("/v1/messages", body()));
    let answered = tokio::time::timeout(Duration::from_secs(30), asked).await;
    let response = answered.expect("it waits for no other run");
    Answer::of(response.expect("it answers")).await
}

#[tokio::test]
async fn slow_bodies_of_one_run_leave_room_for_the_others() {
    let rig = Rig::with(|parts| parts.request_timeout = Duration::from_secs(600)).await;
    let mut slow = JoinSet::new();
    for _ in 0..8 {
        let mut connection = rig.raw();
        slow.spawn(async move {
            connection
                .write_all(
                    b"POST /v1/messages HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n\
                      transfer-encoding: chunked\r\n\r\n",
                )
                .await
                .expect("written");
            // It is said once the body has its room.
            let mut said = [0; 25];
            connection.read_exact(&mut said).await.expect("it is asked");
            assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
            connection
        });
    }
    // Each may become as large as any, so two fill the room of the run.
    let mut begun = Vec::new();
    for _ in 0..2 {
        let next = slow.join_next().await.expect("one more");
        begun.push(next.expect("no panic"));
    }
    assert_eq!(of_another_run(&rig).await.status, StatusCode::OK);
    assert!(slow.try_join_next().is_none(), "the others wait");
    drop(begun);
    for _ in 0..2 {
        let next = slow.join_next().await.expect("there is room again");
        next.expect("no panic");
    }
}

#[tokio::test]
async fn a_run_that_has_too_much_under_way_is_told_so_and_others_are_not() {
    let rig = Rig::with(|parts| {
        parts.provider.max_parallel = 64;
        parts.request_timeout = Duration::from_secs(2);
    })
    .await;
    rig.server.answer(|seen| Reply {
        held: true,
        ..Turn::default().reply(seen)
    });
    let mut asking = JoinSet::new();
    for _ in 0..32 {
        let mut sender = rig.connect().await;
        asking.spawn(async move {
            let asked = sender.send_request(request("/v1/messages", body()));
            Answer::of(asked.await.expect("it answers")).await
        });
    }
    rig.server.has_seen(32).await;
    let answer = rig.send(request("/v1/messages", body())).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "run_busy")
    );
    assert!(answer.headers.contains_key("retry-after"));
    rig.server.answer(|seen| Turn::default().reply(seen));
    assert_eq!(of_another_run(&rig).await.status, StatusCode::OK);
    rig.server.go_on();
    while let Some(answer) = asking.join_next().await {
        assert_eq!(answer.expect("no panic").status, StatusCode::OK);
    }
    let answer = rig.send(request("/v1/messages", body())).await;
    assert_eq!(answer.status, StatusCode::OK);
}
