//! Twenty secrets are planted, the provider shows all of them, and none is
//! found anywhere it should not be.

use crate::rig::{KEY, Rig, secret};
use bytes::Bytes;
use serde_json::json;
use sortie_servers::{Reply, Turn};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::subscriber::DefaultGuard;

fn canaries() -> Vec<(String, String)> {
    (1..20)
        .map(|n| (format!("other-{n}"), format!("sk-canary-{n:02}-of-another")))
        .chain([("main-key".to_owned(), KEY.to_owned())])
        .collect()
}

/// What is logged while the guard lives, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn keep(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }
}

#[tokio::test]
async fn planted_secrets_and_prompts_are_found_nowhere() {
    let log = Log::default();
    let _guard = log.keep();
    let canaries = canaries();
    let rig = Rig::with(|parts| {
        parts.secrets = canaries
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect();
        parts.provider.retries = 0;
    })
    .await;
    let shown: String = canaries
        .iter()
        .map(|(_, value)| format!("{value} "))
        .collect();
    let mut answers = Vec::new();
    let prompt = "the-prompt-nobody-may-keep";
    let body = json!({ "model": "m-1", "messages": [{ "role": "user", "content": prompt }] });

    // An error that shows everything, in its body and its header.
    for status in [401, 429, 500] {
        let said = json!({ "error": { "message": format!("{shown} {prompt}") } });
        rig.server.answer(move |_| {
            Reply::json(status, &said)
                .with("retry-after", "9")
                .with("x-request-id", KEY)
                .with("set-cookie", KEY)
        });
        answers.push(rig.post("/v1/chat/completions", &body).await);
    }
    let text = shown.clone();
    rig.server
        .answer(move |_| Reply::bytes(502, "text/html", text.clone()));
    answers.push(rig.post("/v1/messages", &body).await);
    // A good answer that shows the key it was asked with.
    rig.server.answer(|seen| {
        let turn = Turn {
            text: format!("your key is {KEY}"),
            ..Turn::default()
        };
        turn.reply(seen)
    });
    answers.push(rig.post("/v1/messages", &body).await);
    // Streams that show it, within a piece and over two of them.
    let echo = format!("data: {{\"your key is\":\"{KEY}\"}}\n\n");
    let (head, tail) = echo.split_at(echo.find(KEY).expect("it is there") + KEY.len() / 2);
    let pieces = [echo.as_str(), head, tail, "data: [DONE]\n\n"];
    let shows = Reply {
        pieces: pieces.map(|piece| Bytes::from(piece.to_owned())).into(),
        ..Reply::events("")
    };
    rig.server.answer(move |_| shows.clone());
    for with_usage in [false, true] {
        let mut body = body.clone();
        body["stream"] = true.into();
        body["stream_options"] = json!({ "include_usage": with_usage });
        let answer = rig.post("/v1/chat/completions", &body).await;
        let clean = echo.replace(KEY, "[redacted:main-key]");
        assert_eq!(answer.text(), format!("{clean}{clean}data: [DONE]\n\n"));
        answers.push(answer);
    }
    // Answers that are refused here.
    let text = shown.clone();
    rig.server
        .answer(move |_| Reply::bytes(302, "text/plain", text.clone()).with("location", KEY));
    answers.push(rig.post("/v1/messages", &body).await);

    for answer in &answers {
        let all = format!("{:?} {}", answer.headers, answer.text());
        assert!(!all.contains("sk-canary"), "{all}");
    }
    assert!(
        answers[0].text().contains("[redacted:main-key]"),
        "it did show them"
    );
    rig.store.close().await;
    let mut kept = std::mem::take(&mut *log.0.lock().expect("whole"));
    assert!(!kept.is_empty(), "something was logged");
    for file in std::fs::read_dir(rig.dir.path()).expect("readable") {
        kept.extend(std::fs::read(file.expect("an entry").path()).expect("readable"));
    }
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("chat-completions"), "the rows are there");
    for word in ["sk-canary", prompt, "your key is"] {
        assert!(!kept.contains(word), "{word} is kept somewhere");
    }
}
