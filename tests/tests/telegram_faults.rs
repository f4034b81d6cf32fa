//! What people, chats and the network get wrong: none of it does anything that
//! nobody asked for, loses anything, or passes Telegram's limits.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, BEN, CHEAT, Talk};
use reqwest::Method;
use serde_json::{Value, json};
use sortie_servers::Fault;
use sortie_tests::WAIT;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_wrong_is_answered_in_words() -> Result<()> {
    let talk = Talk::start().await?;
    for (text, part) in [
        ("/taks Fix it", "Did you mean /task?"),
        ("/task", "Say what to do"),
        ("/task --speed=9 Fix it", "I know the settings"),
        ("/cancel soon", "by its number"),
        ("/status 4711", "no such job"),
        ("/task evil/repository Fix it", "intake.allow_repositories"),
    ] {
        talk.api.says(ANA, ANA, text);
        talk.reads(ANA, part).await?;
    }
    assert!(talk.jobs().await?.is_empty());
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_task_is_kept_whole_and_emoji_survive() -> Result<()> {
    let talk = Talk::start().await?;
    let text = format!("true # 🙂 שלום {}", "x".repeat(4_000));
    talk.api.says(ANA, ANA, &format!("/task sample {text}"));
    talk.reads(ANA, "#1").await?;
    let job = talk.host.job(1).await?;
    assert_eq!(job["task"], text, "{job}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_comes_again_changes_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    let update = json!({ "message": {
        "message_id": 900, "date": 1, "text": "/task sample true",
        "from": { "id": ANA, "is_bot": false, "first_name": "Ana" },
        "chat": { "id": ANA, "type": "private", "first_name": "Ana" },
    } });
    let id = talk.api.update(update);
    talk.reads(ANA, "#1").await?;
    talk.api.replay(id);
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    assert_eq!(talk.jobs().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_forwarded_commands_are_met_with_silence() -> Result<()> {
    let talk = Talk::start().await?;
    for _ in 0..3 {
        talk.api.says(666, 666, "/task sample rm -rf /");
    }
    for more in [
        json!({ "forward_origin": { "type": "hidden_user", "date": 1, "sender_user_name": "x" } }),
        json!({ "via_bot": { "id": 5, "is_bot": true, "first_name": "x", "username": "x_bot" } }),
    ] {
        let mut message = json!({
            "message_id": 901, "date": 1, "text": "/task sample true",
            "from": { "id": ANA, "is_bot": false, "first_name": "Ana" },
            "chat": { "id": ANA, "type": "private", "first_name": "Ana" },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            message[key] = value.clone();
        }
        talk.api.update(json!({ "message": message }));
    }
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    assert!(talk.jobs().await?.is_empty());
    assert!(talk.api.shown(666).iter().all(|shown| !shown.is_own));
    assert_eq!(talk.audit("telegram.stranger").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_counts_once_for_its_message_and_for_who_may() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "viewer").await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let (_, approve) = question.buttons[0].clone();

    let press = talk.api.presses_data(BEN, BEN, 1, &approve);
    talk.note(&press).await?;
    let press = talk
        .api
        .presses_data(ANA, ANA, question.id, "AAAAAAAAAAAAAAAAAAAAAA");
    talk.note(&press).await?;
    assert_eq!(talk.host.job(1).await?["state"], "needs_review");

    let press = talk.api.presses(ANA, ANA, question.id, "Approve");
    assert_eq!(talk.note(&press).await?, "Approved.");
    talk.host.wait_state(1, &["succeeded"]).await?;
    let press = talk.api.presses_data(ANA, ANA, question.id, &approve);
    assert_ne!(talk.note(&press).await?, "Approved.");
    assert_eq!(talk.remote.pushes()?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_looks_and_asks_for_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "viewer").await?;
    talk.api.says(BEN, BEN, "/task sample true");
    talk.reads(BEN, "needs the role requester").await?;
    assert!(talk.jobs().await?.is_empty());
    talk.api.says(ANA, ANA, "/task sample true");
    talk.settled(1).await?;
    talk.api.says(BEN, BEN, "/status 1");
    talk.reads(BEN, "#1 sample · halted").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_cancels_what_they_asked_for_and_nothing_else() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "requester").await?;
    let long = "/task sample echo begun; sleep 600";
    talk.api.says(ANA, ANA, long);
    talk.reads(ANA, "#1").await?;
    talk.host.begun(1).await?;
    talk.api.says(BEN, BEN, long);
    talk.reads(BEN, "#2").await?;
    talk.api.says(BEN, BEN, "/cancel 1");
    talk.reads(BEN, "needs the role approver").await?;
    assert_eq!(talk.host.job(1).await?["state"], "running");
    talk.api.says(BEN, BEN, "/cancel 2");
    talk.reads(BEN, "#2 is being cancelled").await?;
    talk.host.wait_state(2, &["cancelled"]).await?;
    assert_eq!(talk.host.job(1).await?["state"], "running");
    talk.api.says(ANA, ANA, "/cancel 1");
    talk.host.wait_state(1, &["cancelled"]).await?;
    Ok(())
}

const PARKED: &str = "/v1/telegram/parked";

/// The oldest message that was parked for such a reason.
fn parked(answer: &Value, why: &str) -> Option<u64> {
    let mut rows = answer["parked"].as_array()?.iter();
    let says = |row: &&Value| row["error"].as_str().is_some_and(|text| text.contains(why));
    rows.find(says)?["id"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_and_deleted_chats_hold_up_nobody_else() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "requester").await?;
    talk.api.block(BEN);
    talk.api.says(BEN, BEN, "/task sample true");
    talk.settled(1).await?;
    talk.api.says(ANA, ANA, "/status 1");
    talk.reads(ANA, "#1").await?;
    // From here on nothing newer takes the place of what is parked.
    talk.told().await?;
    let is_blocked = |_, answer: &Value| parked(answer, "blocked").is_some();
    let answer = talk.answers(PARKED, is_blocked).await?;
    let one = parked(&answer, "blocked").context("it was seen")?;
    let drop = format!("{PARKED}/{one}/drop");
    let (status, left) = talk.host.call(Method::POST, &drop, None).await?;
    assert_eq!(status, 200, "{left}");
    let rows = left["parked"].as_array().context("it is a list")?;
    assert!(rows.iter().all(|row| row["id"] != one), "{left}");
    let gone = 13;
    talk.pair(gone, "requester").await?;
    talk.api.delete_chat(gone);
    talk.api.says(gone, gone, "/task sample true");
    talk.settled(2).await?;
    talk.api.says(ANA, ANA, "/status 2");
    talk.reads(ANA, "#2").await?;
    let is_deleted = |_, answer: &Value| parked(answer, "chat not found").is_some();
    talk.answers(PARKED, is_deleted).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_429_and_a_cut_line_delay_and_lose_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.fails(
        "sendMessage",
        [
            Fault::TooMany(2),
            Fault::TooMany(1),
            Fault::DropBefore,
            Fault::Delay(Duration::from_millis(300)),
            Fault::Refused(502, "Bad Gateway".into()),
        ],
    );
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    talk.api.down(true);
    let is_away = |_, shown: &Value| shown["state"] == "unreachable";
    talk.answers("/v1/telegram", is_away).await?;
    talk.api.down(false);
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_telegram_is_away_is_told_once_afterwards() -> Result<()> {
    let talk = Talk::start().await?;
    let task = format!("/task sample {WAIT}; echo more >> README.md");
    talk.api.says(ANA, ANA, &task);
    talk.reads(ANA, "#1").await?;
    talk.host.begun(1).await?;
    talk.api.down(true);
    talk.host.go_on()?;
    // Telegram keeps what people say meanwhile.
    talk.api
        .says(ANA, ANA, "/task sample echo two >> README.md");
    talk.api.says(ANA, ANA, "/budget");
    assert_eq!(talk.settled(1).await?["state"], "succeeded");
    talk.told().await?;
    assert_eq!(talk.jobs().await?.len(), 1, "nobody could hear the second");
    let ends = |talk: &Talk, job: u64| {
        let end = format!("#{job} succeeded");
        let created = talk.api.created().into_iter();
        created.filter(|one| one.text.contains(&end)).count()
    };
    assert_eq!(ends(&talk, 1), 0);
    talk.api.down(false);
    talk.reads(ANA, "#1 succeeded").await?;
    talk.reads(ANA, "All projects").await?;
    talk.reads(ANA, "#2 succeeded").await?;
    assert_eq!((ends(&talk, 1), ends(&talk, 2)), (1, 1));
    assert_eq!(talk.jobs().await?.len(), 2);
    assert_eq!(talk.remote.pushes()?.len(), 2);
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_on_the_way_is_not_said_twice() -> Result<()> {
    let mut talk = Talk::start().await?;
    talk.api.fails("sendMessage", [Fault::DropAfter]);
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    talk.host.kill().await?;
    talk.host.serve().await?;
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    let twice = talk.api.created();
    let said = twice
        .iter()
        .filter(|one| one.text.contains("sample") && !one.text.contains("All"));
    assert_eq!(said.count(), 1, "{twice:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_from_outside_is_shown_as_text() -> Result<()> {
    let talk = Talk::start().await?;
    let evil = "true # <b>x</b> [a](https://evil.example) **y** `z` &amp; _q_";
    talk.api.says(ANA, ANA, &format!("/task sample {evil}"));
    talk.settled(1).await?;
    talk.api.says(ANA, ANA, "/status 1");
    talk.sees(ANA, |shown| {
        shown.is_own && shown.text.contains("<b>x</b> [a](https://evil.example)")
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_files_and_words_of_agents_are_shown_as_text() -> Result<()> {
    let talk = Talk::start().await?;
    // In octal, because the task itself is shown too: only what the agent said
    // and wrote has these letters.
    let file = r"printf '\140\140\140\n\074/code\076\n' > '<i>_[a](b)_&amp;.md'";
    let said = r"printf '\074b\076done\074/b\076 \052y\052 [x](https://evil.example) \046lt;\n'";
    let task = format!("/task sample {CHEAT}; {file}; {said}");
    talk.api.says(ANA, ANA, &task);
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let words = "<b>done</b> *y* [x](https://evil.example) &lt;";
    for part in ["+++ b/<i>_[a](b)_&amp;.md", "+```", "+</code>", words] {
        assert!(question.text.contains(part), "{part} in {}", question.text);
    }
    let press = talk.api.presses(ANA, ANA, question.id, "Approve");
    assert_eq!(talk.note(&press).await?, "Approved.");
    let end = talk.reads(ANA, "#1 succeeded").await?;
    assert!(end.text.contains(words), "{}", end.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_poller_with_the_same_token_only_delays() -> Result<()> {
    let talk = Talk::start().await?;
    let conflict = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    let fault = Fault::Refused(409, conflict.to_owned());
    talk.api.fails("getUpdates", [fault]);
    // The request that waits already is answered; the next one is refused.
    talk.api.says(ANA, ANA, "/projects");
    let is_conflict = |_, shown: &Value| shown["state"] == "conflict";
    talk.answers("/v1/telegram", is_conflict).await?;
    talk.reads(ANA, "sample").await?;
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_heard_with_its_secret_alone() -> Result<()> {
    let mut talk = Talk::start().await?;
    let token = talk.host.data_dir().join("bot-token");
    let token = token.to_string_lossy().into_owned();
    let (api, hook) = (talk.api.url(), "https://sortie.example.com/telegram");
    let polled = [
        "telegram",
        "setup",
        "--token-file",
        token.as_str(),
        "--api-url",
        api.as_str(),
        "--yes",
    ];
    talk.host
        .run(&[&polled[..], &["--webhook", hook]].concat())?;
    let update = |id: i64, text: &str| {
        json!({ "update_id": id, "message": {
            "message_id": id, "date": 1, "text": text,
            "from": { "id": ANA, "is_bot": false, "first_name": "Ana" },
            "chat": { "id": ANA, "type": "private", "first_name": "Ana" },
        } })
    };
    let name = "x-telegram-bot-api-secret-token";
    for headers in [&[][..], &[(name, "wrong")][..]] {
        let body = update(9_001, "/task sample true").to_string().into_bytes();
        let (status, _) = talk.host.send("/telegram", headers, body).await?;
        assert_eq!(status, 401);
    }
    assert!(talk.jobs().await?.is_empty());
    let is_open = |_, shown: &Value| shown["state"] == "up" && shown["mode"] == "webhook";
    talk.answers("/v1/telegram", is_open).await?;
    let (url, secret) = talk.api.webhook().context("Telegram was told where")?;
    assert_eq!(url, hook);
    let kept = talk.host.data_dir().join("secrets/telegram-webhook-secret");
    assert_eq!(secret, std::fs::read_to_string(kept)?.trim());

    let headers = [(name, secret.as_str())];
    let update = update(9_002, "/task sample echo more >> README.md");
    // Telegram counts on from it, whichever way it came.
    talk.api.update(update.clone());
    let body = update.to_string().into_bytes();
    // Telegram sends an update again until it is taken.
    for _ in 0..2 {
        let sent = talk.host.send("/telegram", &headers, body.clone()).await?;
        assert_eq!(sent.0, 200, "{}", sent.1);
    }
    talk.reads(ANA, "#1").await?;
    assert_eq!(talk.jobs().await?.len(), 1, "the second one is the first");
    talk.host.kill().await?;
    talk.host.serve().await?;
    talk.answers("/v1/telegram", is_open).await?;
    let (status, answer) = talk.host.send("/telegram", &headers, body).await?;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(talk.jobs().await?.len(), 1, "so is one after a crash");

    talk.host.run(&[&polled[..], &["--poll"]].concat())?;
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "file://").await?;
    assert_eq!(talk.api.webhook(), None);
    assert_eq!(talk.jobs().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_gone_stops_nothing_and_an_edited_command_is_none() -> Result<()> {
    let talk = Talk::start().await?;
    let update = json!({ "edited_message": {
        "message_id": 902, "date": 1, "edit_date": 2, "text": "/task sample true",
        "from": { "id": ANA, "is_bot": false, "first_name": "Ana" },
        "chat": { "id": ANA, "type": "private", "first_name": "Ana" },
    } });
    talk.api.update(update);
    talk.api.fails(
        "editMessageText",
        [Fault::Refused(
            400,
            "Bad Request: message to edit not found".into(),
        )],
    );
    talk.api
        .says(ANA, ANA, "/task sample echo more >> README.md");
    talk.reads(ANA, "#1 succeeded").await?;
    assert_eq!(talk.jobs().await?.len(), 1);
    Ok(())
}
