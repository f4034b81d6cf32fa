//! What a chat wants to hear, and when. What somebody asked there is answered at
//! any hour, and a question waits for nobody's morning.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, CHEAT, Talk};
use reqwest::Method;
use serde_json::json;
use sortie_servers::Shown;
use sortie_tests::{HostOptions, PATIENCE};
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MIN: u64 = 24 * 60;

/// Quiet hours around now, as a person writes them.
#[expect(
    clippy::disallowed_methods,
    reason = "the host goes by the time of day"
)]
fn quiet_now() -> Result<String> {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now_min = now_s / 60 % DAY_MIN;
    let at = |minute: u64| format!("{:02}:{:02}", minute % DAY_MIN / 60, minute % 60);
    let (from, to) = (at(now_min + DAY_MIN - 60), at(now_min + 120));
    Ok(format!("{from}-{to}"))
}

/// Changes what Ana's chat hears. A host that starts knows it before it sends
/// anything; one that runs learns it a few seconds later.
async fn set(talk: &mut Talk, change: &[&str]) -> Result<()> {
    let chat = ANA.to_string();
    let mut words = vec!["people", "chat", "telegram", &*chat];
    words.extend(change);
    talk.host.run(&words)?;
    talk.host.stop().await?;
    talk.host.serve().await
}

/// A job asks, Ana approves, it ends, and the plugin has said all about it.
async fn approved(talk: &Talk) -> Result<()> {
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    talk.reads(ANA, "#1").await?;
    let question = talk.sees(ANA, |shown| !shown.buttons.is_empty()).await?;
    assert!(question.text.contains("#1 asks"), "{}", question.text);
    let press = talk.api.presses(ANA, ANA, question.id, "Approve");
    assert_eq!(talk.note(&press).await?, "Approved.");
    // That it was answered is shown wherever it was asked, at once.
    let closed = |shown: &Shown| shown.id == question.id && shown.buttons.is_empty();
    talk.sees(ANA, closed).await?;
    talk.host.wait_state(1, &["succeeded"]).await?;
    talk.told().await?;
    // What was said before this is before it in the queue.
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    Ok(())
}

/// The messages that tell the end of the job.
fn ends(talk: &Talk) -> usize {
    let created = talk.api.created().into_iter();
    created
        .filter(|one| one.text.contains("#1 succeeded"))
        .count()
}

fn is_pinned_ever(talk: &Talk) -> bool {
    let moments = talk.api.moment_names();
    moments.iter().any(|name| name == "received pinchatmessage")
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_hold_all_but_questions_and_answers() -> Result<()> {
    let mut talk = Talk::start().await?;
    let hours = quiet_now()?;
    set(&mut talk, &["--quiet", &hours, "--time-zone", "UTC"]).await?;
    approved(&talk).await?;
    assert_eq!(ends(&talk), 0, "{:#?}", talk.api.shown(ANA));
    assert!(!is_pinned_ever(&talk));

    set(&mut talk, &["--no-quiet"]).await?;
    talk.reads(ANA, "#1 succeeded").await?;
    talk.api.says(ANA, ANA, "/projects");
    talk.reads(ANA, "file://").await?;
    assert_eq!(ends(&talk), 1);
    assert_eq!(talk.jobs().await?.len(), 1);
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

/// Waits until nothing is left to be sent.
async fn all_is_said(talk: &Talk) -> Result<()> {
    let database = rusqlite::Connection::open(talk.host.data_dir().join("sortie.db"))?;
    let waiting = "SELECT count(*) FROM chat_outbox WHERE state = 'pending'";
    let said = async {
        while database.query_row(waiting, [], |row| row.get::<_, i64>(0))? > 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    let said = tokio::time::timeout(PATIENCE, said).await;
    said.context("everything is said or left unsaid")?
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_chat_that_is_shut_is_left_unsaid() -> Result<()> {
    let mut talk = Talk::start().await?;
    let hours = quiet_now()?;
    set(&mut talk, &["--quiet", &hours, "--time-zone", "UTC"]).await?;
    approved(&talk).await?;
    let before = talk.api.shown(ANA).len();
    set(&mut talk, &["--shut", "--no-quiet"]).await?;
    all_is_said(&talk).await?;
    assert_eq!(talk.api.shown(ANA).len(), before);
    assert_eq!(ends(&talk), 0, "{:#?}", talk.api.shown(ANA));
    let (status, parked) = talk
        .host
        .call(Method::GET, "/v1/telegram/parked", None)
        .await?;
    assert_eq!((status, &parked["parked"]), (200, &json!([])));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_may_be_heard_of_by_its_questions_alone() -> Result<()> {
    // The first lines of `more` belong to the project.
    let talk = Talk::with(HostOptions {
        more: "notify = \"questions\"\n".to_owned(),
        ..HostOptions::default()
    })
    .await?;
    talk.pair(ANA, "owner").await?;
    approved(&talk).await?;
    assert_eq!(ends(&talk), 0, "{:#?}", talk.api.shown(ANA));
    assert!(!is_pinned_ever(&talk));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_may_hear_nothing_but_answers() -> Result<()> {
    let mut talk = Talk::start().await?;
    set(&mut talk, &["--level", "none"]).await?;
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    talk.reads(ANA, "#1").await?;
    talk.host.wait_state(1, &["needs_review"]).await?;
    talk.told().await?;
    talk.api.says(ANA, ANA, "/status 1");
    talk.reads(ANA, "needs review").await?;
    let asks = || {
        let shown = talk.api.shown(ANA);
        shown.iter().any(|shown| !shown.buttons.is_empty())
    };
    assert!(!asks(), "{:#?}", talk.api.shown(ANA));
    talk.host.run(&["reject", "1"])?;
    talk.host.wait_state(1, &["rejected"]).await?;
    talk.told().await?;
    talk.api.says(ANA, ANA, "/budget");
    talk.reads(ANA, "All projects").await?;
    let told = talk.api.created();
    assert!(
        told.iter().all(|one| !one.text.contains("#1 rejected")),
        "{told:#?}"
    );
    Ok(())
}
