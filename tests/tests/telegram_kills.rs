//! `kill -9` of the host at every moment of a conversation: each command counts
//! once, each question is answered once, and the chat reads as if nothing had
//! happened.

mod chat;

use anyhow::{Context, Result};
use chat::{ANA, CHEAT, Talk};
use futures::{StreamExt, TryStreamExt, stream};
use rusqlite::{Connection, OpenFlags};
use sortie_servers::Fault;
use sortie_tests::PATIENCE;
use std::time::Duration;

/// How often the host is killed.
const ROUNDS: usize = 100;
/// How many conversations go on at once.
const AT_ONCE: usize = 5;

/// What the bot made of the conversation, without figures that differ from run
/// to run: jobs are counted, because a host that was killed leaves out numbers.
fn made(talk: &Talk) -> Vec<String> {
    let mut jobs = Vec::new();
    let mut counted = |named: u64| {
        jobs.iter()
            .position(|job| *job == named)
            .unwrap_or_else(|| {
                jobs.push(named);
                jobs.len() - 1
            })
    };
    let lines = talk.api.created().into_iter().map(|one| {
        let line = one.text.lines().next().unwrap_or_default();
        let mut line = line.split(" · ").next().unwrap_or_default().to_owned();
        while let Some(named) = job(&line) {
            let place = counted(named);
            line = line.replacen(&format!("#{named}"), &format!("job {place}"), 1);
        }
        line
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_say_and_do_nothing_twice() -> Result<()> {
    let quiet = Talk::start().await?;
    let before = quiet.api.moments();
    quiet.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    tokio::time::timeout(PATIENCE, rest(&quiet.api)).await??;
    let moments = quiet.api.moments() - before;
    let expected = made(&quiet);
    drop(quiet);
    let rounds = (0..ROUNDS).map(|round| {
        let moment = round % moments;
        let offset = Duration::from_millis((round / moments) as u64 % 4);
        let expected = &expected;
        async move {
            killed(moment, offset, expected)
                .await
                .with_context(|| format!("round {round}, killed {offset:?} after moment {moment}"))
        }
    });
    // A conversation mostly waits for the limits of its chat.
    stream::iter(rounds)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn killed(moment: usize, offset: Duration, expected: &[String]) -> Result<()> {
    let mut talk = Talk::start().await?;
    let begin = talk.api.moments();
    talk.api.says(ANA, ANA, &format!("/task sample {CHEAT}"));
    // The rest of the conversation goes on by itself, beside the kill.
    let (api, host) = (&talk.api, &mut talk.host);
    let kill = async {
        let wanted = begin + moment + 1;
        let _ = tokio::time::timeout(PATIENCE / 4, api.until(|api| api.moments() >= wanted)).await;
        tokio::time::sleep(offset).await;
        host.kill().await?;
        host.serve().await
    };
    let talked = rest(api);
    let (killed, talked) = tokio::join!(kill, tokio::time::timeout(PATIENCE, talked));
    killed?;
    talked.context("the conversation ends")??;
    let jobs = talk.jobs().await?;
    assert_eq!(jobs.len(), 3, "each command is one job: {jobs:#?}");
    assert_eq!(talk.remote.pushes()?.len(), 2, "each result is pushed once");
    assert_eq!(made(&talk), expected, "no message twice, and none missing");
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

/// A conversation after its first command, seen from the service alone: the
/// result is asked about, a person answers and continues the job by a reply, and
/// cancels another.
async fn rest(api: &sortie_servers::BotApi) -> Result<()> {
    // The newest thing that the bot said so of a job that is none of `others`.
    let find = |part: &str, others: &[u64]| {
        let mut shown = api.shown(ANA).into_iter().rev();
        shown.find_map(|shown| {
            let job = job(&shown.text).filter(|job| !others.contains(job))?;
            (shown.is_own && shown.text.contains(part)).then_some((job, shown.id))
        })
    };
    let asks = || {
        let mut shown = api.shown(ANA).into_iter();
        shown.find(|shown| shown.buttons.iter().any(|(label, _)| label == "Approve"))
    };
    api.until(|_| asks().is_some()).await;
    let question = asks().context("it asks")?;
    api.presses(ANA, ANA, question.id, "Approve");
    api.until(|_| find("succeeded", &[]).is_some()).await;
    let (first, end) = find("succeeded", &[]).context("it ended")?;
    api.replies(ANA, ANA, "echo more >> README.md", end);
    api.until(|_| find("succeeded", &[first]).is_some()).await;
    let (second, _) = find("succeeded", &[first]).context("it ended too")?;
    api.says(ANA, ANA, "/task sample echo begun; sleep 600");
    api.until(|_| find("", &[first, second]).is_some()).await;
    let (third, _) = find("", &[first, second]).context("it is there")?;
    api.says(ANA, ANA, &format!("/cancel {third}"));
    let said = |part| find(part, &[first, second]).is_some();
    api.until(|_| said("is being cancelled") && said("⏹")).await;
    Ok(())
}

/// The job that a text names first.
fn job(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once('#')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

/// Waits until nothing is left to be sent.
async fn all_sent(talk: &Talk) -> Result<()> {
    let ledger = ledger(talk)?;
    let sent = async {
        while ledger.query_row("SELECT count(*) FROM chat_outbox", [], |row| {
            Ok(row.get::<_, i64>(0)? > 0)
        })? {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    let sent = tokio::time::timeout(PATIENCE, sent).await;
    sent.context("all is sent")?
}

/// Whether the newest message that is on its way was begun, and above which
/// message a host that starts later looks for it.
fn on_its_way(talk: &Talk) -> Result<(bool, Option<i64>)> {
    let noted = "SELECT begun_at IS NOT NULL, floor FROM chat_outbox
        WHERE kind = 'send' ORDER BY id DESC LIMIT 1";
    let noted = ledger(talk)?.query_row(noted, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(noted?)
}

fn ledger(talk: &Talk) -> Result<Connection> {
    let path = talk.host.data_dir().join("sortie.db");
    Ok(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?)
}

/// What the bot said after that message.
fn answers(talk: &Talk, said: i64) -> usize {
    let created = talk.api.created().into_iter();
    created.filter(|one| one.id > said).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_went_without_a_note_is_found_by_the_next_host() -> Result<()> {
    let mut talk = Talk::start().await?;
    all_sent(&talk).await?;
    talk.api.fails("sendMessage", [Fault::LateAnswer(PATIENCE)]);
    let said = talk.api.says(ANA, ANA, "/projects");
    talk.sees(ANA, |shown| shown.is_own && shown.id > said)
        .await?;
    let (begun, floor) = on_its_way(&talk)?;
    assert!(
        !begun && floor.is_some_and(|floor| floor <= said),
        "{floor:?}"
    );
    talk.host.kill().await?;
    talk.host.serve().await?;
    all_sent(&talk).await?;
    assert_eq!(answers(&talk, said), 1);
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_arrived_is_sent_by_the_next_host() -> Result<()> {
    let mut talk = Talk::start().await?;
    all_sent(&talk).await?;
    let before = talk.api.moments();
    talk.api.fails("sendMessage", [Fault::Delay(PATIENCE)]);
    let said = talk.api.says(ANA, ANA, "/projects");
    let asked = talk.api.until(|api| {
        let names = api.moment_names();
        names[before..]
            .iter()
            .any(|name| name == "received sendmessage")
    });
    tokio::time::timeout(PATIENCE, asked).await?;
    let (begun, floor) = on_its_way(&talk)?;
    assert!(!begun && floor.is_some(), "{floor:?}");
    talk.host.kill().await?;
    assert_eq!(answers(&talk, said), 0);
    talk.host.serve().await?;
    all_sent(&talk).await?;
    assert_eq!(answers(&talk, said), 1);
    assert_eq!(talk.api.violations(), [""; 0]);
    Ok(())
}
