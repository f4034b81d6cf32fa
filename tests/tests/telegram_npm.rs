//! Conversations on a Bot API that nobody here wrote: `telegram-test-api`, with a
//! thin proxy for what it lacks. `scripts/setup.sh --tests` installs it; without
//! it these tests fail and say so.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, BEN, CHEAT, Talk};
use sortie_servers::TestApi;
use sortie_tests::HostOptions;

const GROUP: i64 = -77;

/// A change too long for a message.
const LONG: &str = "seq 1 2000 > numbers.txt";

/// A host on such a server, with Ana as the owner.
async fn start() -> Result<Talk<TestApi>> {
    let talk = Talk::on(TestApi::start().await, HostOptions::default()).await?;
    talk.pair(ANA, "owner").await?;
    Ok(talk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_followed_and_continued_and_an_edit_does_nothing() -> Result<()> {
    let talk = start().await?;
    let names = talk.api.commands().to_string();
    for name in ["task", "status", "cancel", "help"] {
        assert!(names.contains(name), "{name} in {names}");
    }
    let task = "/task sample sed -i s/teh/the/ README.md";
    let asked = talk.api.says(ANA, ANA, task).await;
    let end = talk.reads(ANA, "#1 succeeded").await?;
    // The other message about it is the one that follows it.
    let progress = talk
        .sees(ANA, |shown| {
            shown.is_own && shown.id != end.id && shown.text.contains("#1 · succeeded")
        })
        .await?;
    assert!(progress.id > asked && progress.edits > 0, "{progress:?}");
    talk.sees(ANA, |shown| shown.id == progress.id && !shown.pinned)
        .await?;

    let again = "/task sample echo again >> README.md";
    talk.api.edits(ANA, ANA, asked, again).await;
    // Updates are heard in order, so what is answered after it came after it.
    let asked = talk.api.says(ANA, ANA, "/projects").await;
    talk.sees(ANA, |shown| {
        shown.is_own && shown.id > asked && shown.text.contains("sample")
    })
    .await?;
    assert_eq!(talk.jobs().await?.len(), 1, "an edited message is no order");

    let more = "echo more >> README.md";
    talk.api.replies(ANA, ANA, more, end.id).await;
    talk.reads(ANA, "#2 succeeded").await?;
    let branches = talk.remote.branches()?;
    assert_eq!(branches.len(), 1, "the thread has one branch: {branches:?}");
    assert_eq!(
        talk.remote.file(&branches[0], "README.md")?,
        "the start\nmore\n"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_a_group_is_answered_by_whom_it_may() -> Result<()> {
    let talk = start().await?;
    talk.pair(BEN, "viewer").await?;
    let group = GROUP.to_string();
    talk.host
        .run(&["people", "chat", "telegram", &group, "--admit"])?;
    let hello = talk.api.says(GROUP, BEN, "good morning").await;
    let bot = TestApi::USERNAME;
    let task = format!("/task@{bot} sample {CHEAT}; {LONG}");
    talk.api.says(GROUP, ANA, &task).await;
    let question = talk.sees(GROUP, |shown| !shown.buttons.is_empty()).await?;
    assert!(question.text.contains("test_a.py"), "{}", question.text);

    let press = talk.api.presses(GROUP, BEN, question.id, "Approve").await;
    assert_ne!(talk.note(&press).await?, "Approved.");
    assert_eq!(talk.host.job(1).await?["state"], "needs_review");
    let press = talk.api.presses(GROUP, ANA, question.id, "Approve").await;
    assert_eq!(talk.note(&press).await?, "Approved.");
    talk.reads(GROUP, "#1 succeeded").await?;
    let closed = talk
        .sees(GROUP, |shown| {
            shown.id == question.id && shown.buttons.is_empty()
        })
        .await?;
    assert!(closed.text.contains("User 11"), "{}", closed.text);

    talk.reads(GROUP, "The whole change of #1").await?;
    let documents = talk.api.documents();
    let file = documents.first().context("it is sent")?;
    assert_eq!((file.chat, file.name.as_str()), (GROUP, "1.diff"));
    let diff = String::from_utf8_lossy(&file.bytes);
    assert!(diff.contains("\n+2000\n"), "{diff}");
    let shown = talk.api.shown(GROUP).await;
    assert!(shown.iter().all(|shown| shown.reply_to != Some(hello)));
    Ok(())
}
