//! Events and logs as they happen.

use crate::rig::{PATIENCE, Rig};
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use sortie_model::job::JobEvent;
use std::io::Write;

/// Lines of an answer that stays open.
struct Lines {
    chunks: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Lines {
    async fn open(rig: &Rig, path: &str, last: Option<u64>) -> Self {
        let mut request = rig.request(Method::GET, path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let chunks = response
            .bytes_stream()
            .map(|chunk| chunk.map(|c| c.to_vec()));
        Self {
            chunks: chunks.boxed(),
            buffer: Vec::new(),
        }
    }

    /// The next line; none at the end of the stream.
    async fn line(&mut self) -> Option<String> {
        let work = async {
            loop {
                if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.buffer.drain(..=end).collect();
                    return Some(String::from_utf8(line[..end].to_vec()).unwrap());
                }
                self.buffer.extend(self.chunks.next().await?.unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, work).await.unwrap()
    }

    /// The next event: its id, its name and its data.
    async fn event(&mut self, rig: &Rig) -> Option<(u64, String, Value)> {
        let (mut id, mut name, mut data) = (None, None, None);
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.parse().unwrap()),
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value).unwrap()),
                _ if line.is_empty() && data.is_some() => {
                    let data: Value = data.unwrap();
                    rig.contract().check_type("EventView", &data);
                    return Some((id.unwrap(), name.unwrap(), data));
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_ended() {
    let rig = Rig::new().await;
    rig.submit("one").await;
    rig.submit("two").await;
    let claim = rig.claim().await;
    rig.finish(&claim, JobEvent::Finished).await;
    let mut all = Vec::new();
    let mut stream = Lines::open(&rig, "/v1/events?after=0", None).await;
    loop {
        let (id, name, data) = stream.event(&rig).await.unwrap();
        assert_eq!(data["seq"], id);
        assert_eq!(data["kind"], name.as_str());
        all.push(id);
        if name == "job.succeeded" {
            break;
        }
    }
    assert!(all.is_sorted() && all.len() >= 4, "{all:?}");
    // From each of them on, the rest comes, each once.
    for (seen, last) in all.iter().enumerate().take(all.len() - 1) {
        let mut stream = Lines::open(&rig, "/v1/events?after=0", Some(*last)).await;
        for expected in &all[seen + 1..] {
            assert_eq!(stream.event(&rig).await.unwrap().0, *expected);
        }
    }
    // And what happens now comes on the open one.
    rig.submit("three").await;
    let (_, name, data) = stream.event(&rig).await.unwrap();
    assert_eq!((name.as_str(), &data["job"]), ("job.queued", &json!(3)));
}

#[tokio::test]
async fn a_jobs_stream_is_only_about_it_and_begins_at_its_beginning() {
    let rig = Rig::new().await;
    rig.submit("one").await;
    rig.submit("two").await;
    let mut stream = Lines::open(&rig, "/v1/jobs/2/events", None).await;
    let (_, name, data) = stream.event(&rig).await.unwrap();
    assert_eq!((name.as_str(), &data["job"]), ("job.queued", &json!(2)));
    rig.send(rig.request(Method::POST, "/v1/jobs/1/cancel"))
        .await;
    rig.send(rig.request(Method::POST, "/v1/jobs/2/cancel"))
        .await;
    let (_, name, data) = stream.event(&rig).await.unwrap();
    assert_eq!((name.as_str(), &data["job"]), ("job.cancelled", &json!(2)));
}

#[tokio::test]
async fn the_hosts_stream_begins_now() {
    let rig = Rig::new().await;
    rig.submit("before").await;
    let mut stream = Lines::open(&rig, "/v1/events", None).await;
    rig.submit("after").await;
    let (_, _, data) = stream.event(&rig).await.unwrap();
    assert_eq!(data["job"], 2);
}

#[tokio::test]
async fn streams_end_with_the_host_and_soon() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let mut events = Lines::open(&rig, "/v1/jobs/1/events", None).await;
    let mut logs = Lines::open(&rig, "/v1/jobs/1/logs?follow=true", None).await;
    assert!(events.event(&rig).await.is_some());
    rig.shutdown.cancel();
    assert!(events.event(&rig).await.is_none());
    assert!(logs.line().await.is_none());
    tokio::time::timeout(PATIENCE, rig.serving)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn more_streams_than_there_are_places_wait_their_turn() {
    let rig = Rig::new().await;
    let mut open = Vec::new();
    for _ in 0..sortie_api::limits::MAX_STREAMS {
        open.push(Lines::open(&rig, "/v1/events", None).await);
    }
    let answer = rig.get("/v1/events").await;
    assert_eq!((answer.status, answer.problem()), (503, "busy"));
    assert!(answer.headers.contains_key("retry-after"));
    // What is no stream goes on.
    assert_eq!(rig.get("/v1/jobs").await.status, 200);
    drop(open);
    let freed = async {
        loop {
            let response = rig.request(Method::GET, "/v1/events").send().await.unwrap();
            if response.status() == 200 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

fn write(rig: &Rig, run: u64, lines: &str) {
    let path = rig.dir.join(format!("{run}.jsonl"));
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn chunk(text: &str) -> String {
    let line = json!({ "at": 1500, "step": "agent", "stream": "stdout", "end": 1, "text": text });
    format!("{line}\n")
}

fn view(rig: &Rig, line: &str) -> (u64, String) {
    let view: Value = serde_json::from_str(line).unwrap();
    rig.contract().check_type("LogView", &view);
    assert_eq!(view["at"], "1970-01-01T00:00:01.500Z");
    (
        view["run"].as_u64().unwrap(),
        view["text"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn a_log_is_given_as_far_as_it_goes() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let empty = rig.get("/v1/jobs/1/logs").await;
    assert_eq!((empty.status, empty.text.as_str()), (200, ""));
    let run = rig.claim().await.run.id.0;
    assert_eq!(rig.get("/v1/jobs/1/logs").await.text, "");
    // A broken line and one that is not written to its end are left out.
    let lines = format!("{}nonsense\n{}{{\"at\":", chunk("one"), chunk("two"));
    write(&rig, run, &lines);
    let log = rig.get("/v1/jobs/1/logs").await.text;
    let texts: Vec<(u64, String)> = log.lines().map(|line| view(&rig, line)).collect();
    assert_eq!(texts, [(run, "one".into()), (run, "two".into())]);
    assert_eq!(
        rig.get(&format!("/v1/jobs/1/logs?run={run}")).await.text,
        log
    );
}

#[tokio::test]
async fn a_followed_log_comes_as_it_is_written_over_all_runs() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    // Followed before there is a run at all.
    let mut log = Lines::open(&rig, "/v1/jobs/1/logs?follow=true", None).await;
    let claim = rig.claim().await;
    let first = claim.run.id.0;
    let line = chunk("one");
    let (start, rest) = line.split_at(10);
    write(&rig, first, start);
    write(&rig, first, rest);
    assert_eq!(
        view(&rig, &log.line().await.unwrap()),
        (first, "one".into())
    );
    write(&rig, first, &chunk("last of the first"));
    let postponed = JobEvent::Postponed {
        not_before: sortie_model::clock::Timestamp(0),
    };
    rig.finish(&claim, postponed).await;
    let claim = rig.claim().await;
    let second = claim.run.id.0;
    assert_eq!(
        view(&rig, &log.line().await.unwrap()),
        (first, "last of the first".into())
    );
    write(&rig, second, &chunk("two"));
    assert_eq!(
        view(&rig, &log.line().await.unwrap()),
        (second, "two".into())
    );
    write(&rig, second, &chunk("the very last"));
    rig.finish(&claim, JobEvent::Finished).await;
    assert_eq!(
        view(&rig, &log.line().await.unwrap()),
        (second, "the very last".into())
    );
    assert_eq!(log.line().await, None);
}

#[tokio::test]
async fn a_followed_log_ends_when_a_person_is_asked() {
    let rig = Rig::new().await;
    rig.submit("x").await;
    let mut log = Lines::open(&rig, "/v1/jobs/1/logs?follow=true", None).await;
    rig.park().await;
    assert_eq!(log.line().await, None);
}
