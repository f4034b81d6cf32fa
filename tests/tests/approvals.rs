//! One question, several ways to answer it: the first answer counts, wherever
//! it came from, and every other place shows it.

mod chat;

use anyhow::{Result, ensure};
use chat::{ANA, BEN, CHEAT, Talk};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_shows_what_was_found_and_the_change() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    for part in ["#1 asks", "test_a.py", "+@unittest.skip"] {
        assert!(question.text.contains(part), "{part} in {}", question.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_the_command_line_is_shown_in_the_chat() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let (_, approve) = question.buttons[0].clone();
    talk.host.run(&["reject", "1"])?;
    let closed = talk
        .sees(ANA, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    for part in ["Rejected by", "test_a.py", "commit "] {
        assert!(closed.text.contains(part), "{part} in {}", closed.text);
    }
    let press = talk.api.presses_data(ANA, ANA, question.id, &approve);
    assert_ne!(talk.note(&press).await?, "Approved.");
    assert!(talk.remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_button_rejects_is_over_and_published_nowhere() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let press = talk.api.presses(ANA, ANA, question.id, "Reject");
    assert_eq!(talk.note(&press).await?, "Rejected.");
    talk.host.wait_state(1, &["rejected"]).await?;
    talk.reads(ANA, "#1 rejected").await?;
    let closed = talk
        .sees(ANA, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    let by = "Rejected by User 11";
    assert!(closed.text.contains(by), "{}", closed.text);
    assert!(talk.remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_answers_at_once_one_counts() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "approver").await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let press = talk.api.presses(ANA, ANA, question.id, "Approve");
    let (status, _) = talk
        .host
        .call(Method::POST, "/v1/jobs/1/reject", Some(json!({})))
        .await?;
    let note = talk.note(&press).await?;
    let job = talk.host.wait_state(1, &["succeeded", "rejected"]).await?;
    let approved = job["state"] == "succeeded";
    assert_eq!(note == "Approved.", approved, "{note}: {job}");
    assert_eq!(status == 200, !approved, "{job}");
    Ok(())
}

/// Changes the one question there is while no host runs: a policy says its times
/// in whole hours.
fn set(talk: &Talk, change: &str) -> Result<()> {
    let database = rusqlite::Connection::open(talk.host.data_dir().join("sortie.db"))?;
    let changed = database.execute(&format!("UPDATE approvals SET {change}"), ())?;
    ensure!(changed == 1, "there are {changed} questions");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_is_brought_up_again_and_then_over() -> Result<()> {
    let mut talk = Talk::start().await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    let (_, approve) = question.buttons[0].clone();
    talk.told().await?;

    talk.host.stop().await?;
    set(&talk, "remind_at = 1")?;
    talk.host.serve().await?;
    let reminder = talk.reads(ANA, "#1 still waits for an answer").await?;
    assert_eq!(reminder.reply_to, Some(question.id));
    talk.told().await?;

    talk.host.stop().await?;
    set(&talk, "expires_at = 2")?;
    talk.host.serve().await?;
    talk.host.wait_state(1, &["halted"]).await?;
    let end = talk.reads(ANA, "#1 halted").await?;
    assert!(end.text.contains("nobody answered"), "{}", end.text);
    talk.sees(ANA, |shown| {
        shown.id == question.id && shown.buttons.is_empty()
    })
    .await?;
    let press = talk.api.presses_data(ANA, ANA, question.id, &approve);
    assert_ne!(talk.note(&press).await?, "Approved.");
    assert_eq!(talk.host.job(1).await?["state"], "halted");
    assert!(talk.remote.pushes()?.is_empty());
    let reminded = talk.api.created().into_iter();
    let reminded = reminded.filter(|one| one.text.contains("still waits"));
    assert_eq!(reminded.count(), 1);
    Ok(())
}
