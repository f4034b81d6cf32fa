//! A conversation as people have it: from a bot that knows nobody to work that
//! goes on by a reply.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, BEN, CHEAT, Talk, cli};

const GROUP: i64 = -100_500;

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_second_task_by_reply() -> Result<()> {
    let talk = Talk::start().await?;
    let names = talk.api.commands().to_string();
    for name in ["task", "status", "cancel", "help"] {
        assert!(names.contains(name), "{name} in {names}");
    }
    talk.api.says(
        ANA,
        ANA,
        "/task sample sed -i s/teh/the/ README.md && sleep 1",
    );
    let progress = talk.reads(ANA, "#1").await?;
    let end = talk.reads(ANA, "#1 succeeded").await?;
    assert_ne!(progress.id, end.id, "the end is a message of its own");
    let progress = talk
        .sees(ANA, |shown| {
            shown.id == progress.id && shown.text.contains("succeeded")
        })
        .await?;
    assert!(!progress.pinned && progress.edits > 0, "{progress:?}");

    talk.api
        .replies(ANA, ANA, "echo more >> README.md", progress.id);
    talk.reads(ANA, "#2 succeeded").await?;
    let branches = talk.remote.branches()?;
    assert_eq!(branches.len(), 1, "the thread has one branch: {branches:?}");
    assert_eq!(
        talk.remote.file(&branches[0], "README.md")?,
        "the start\nmore\n"
    );
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_somebody_else_who_may() -> Result<()> {
    let talk = Talk::start().await?;
    talk.pair(BEN, "approver").await?;
    cli(
        &talk.host,
        &["people", "chat", "telegram", &GROUP.to_string(), "--admit"],
    )?;
    talk.api.group(GROUP, true);
    talk.api.says(GROUP, ANA, "good morning");
    talk.api
        .says(GROUP, ANA, &format!("/task@sortie_test_bot sample {CHEAT}"));
    let question = talk.sees(GROUP, |shown| !shown.buttons.is_empty()).await?;
    assert!(question.text.contains("test_a.py"), "{}", question.text);
    let press = talk.api.presses(GROUP, BEN, question.id, "Approve");
    assert_eq!(talk.note(&press).await?, "Approved.");
    talk.reads(GROUP, "#1 succeeded").await?;
    let closed = talk.sees(GROUP, |shown| shown.id == question.id).await?;
    assert!(
        closed.buttons.is_empty() && closed.text.contains("User 12"),
        "{closed:?}"
    );
    let shown = talk.api.shown(GROUP);
    let hello = shown
        .iter()
        .find(|shown| shown.text == "good morning")
        .context("it was said")?;
    assert!(shown.iter().all(|shown| shown.reply_to != Some(hello.id)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_the_code_is_answered_and_changes_nothing() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(
        ANA,
        ANA,
        "/ask sample cat README.md; echo touched >> README.md || true",
    );
    let answer = talk.reads(ANA, "#1 succeeded").await?;
    assert!(answer.text.contains("teh start"), "{}", answer.text);
    let job = talk.host.job(1).await?;
    assert_eq!(job["policy"]["workflow"], "workflow-ask", "{job}");
    assert!(talk.remote.pushes()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_told_beside_what_a_day_may_cost() -> Result<()> {
    let talk = Talk::start().await?;
    talk.api.says(ANA, ANA, "/budget");
    let money = talk.reads(ANA, "All projects").await?;
    for part in [
        "All projects $0.00 of $50.00 today",
        "sample $0.00 of $20.00 today",
    ] {
        assert!(money.text.contains(part), "{part} in {}", money.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_moves_is_followed() -> Result<()> {
    let talk = Talk::start().await?;
    let old = -77;
    cli(
        &talk.host,
        &["people", "chat", "telegram", &old.to_string(), "--admit"],
    )?;
    talk.api.group(old, false);
    talk.api.says(
        old,
        ANA,
        "/task sample echo begun; sleep 2; echo more >> README.md",
    );
    talk.reads(old, "#1").await?;
    talk.api.migrate(old, GROUP);
    talk.reads(GROUP, "#1 succeeded").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_in_one_person_once() -> Result<()> {
    let talk = Talk::start().await?;
    let said = cli(&talk.host, &["telegram", "pair", "--role", "viewer"])?;
    let (_, rest) = said.split_once("start=").context("there is a link")?;
    let code: String = rest
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    talk.api.says(BEN, BEN, "/start WRONG000");
    talk.api.says(BEN, BEN, &format!("/start {code}"));
    talk.reads(BEN, "/task").await?;
    talk.api.says(13, 13, &format!("/start {code}"));
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "sample").await?;
    assert!(talk.api.shown(13).iter().all(|shown| !shown.is_own));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_nowhere_but_in_its_file() -> Result<()> {
    let mut talk = Talk::start().await?;
    talk.api.down(true);
    talk.api.says(ANA, ANA, "/projects");
    talk.api.down(false);
    talk.reads(ANA, "sample").await?;
    talk.host.stop().await?;
    let secret = sortie_servers::BotApi::TOKEN.as_bytes();
    let mut folders = vec![talk.host.data_dir().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("secrets/telegram-token") && !path.ends_with("bot-token") {
                let bytes = std::fs::read(&path)?;
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert!(!found, "{}", path.display());
            }
        }
    }
    Ok(())
}
