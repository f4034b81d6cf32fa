//! A host with the shipped Telegram plugin, and people who write to its bot.
//! First, how long it takes from a task until its answer was handed over,
//! beside a bare loop of teloxide-core that echoes and keeps nothing, and beside
//! the same behind teloxide's own throttling. Then, how fast the host takes what
//! people wrote while it was down: all of it, once, and in order.

use super::Setting;
use crate::host::{Home, Host};
use crate::http::Connection;
use crate::measure::{Plan, alone, millis, paired};
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, ensure};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;
use sortie_servers::BotApi;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use teloxide_core::adaptors::throttle::{Limits, Throttle};
use teloxide_core::payloads::GetUpdatesSetters;
use teloxide_core::requests::Requester;
use teloxide_core::types::{ChatId, UpdateKind};
use teloxide_core::{Bot, RequestError};
use tokio::task::JoinHandle;

/// How many people write, each in a chat of their own: so many that nobody
/// writes again before the bot may send to that chat again.
pub const PEOPLE: i64 = 60;

/// The first person's id.
pub const FIRST: i64 = 1_000;

/// What else people ask: it changes nothing.
const QUESTION: &str = "/status 1";

/// Between an answer and the next message. With the other side's turn between
/// them, answers and the changes of their messages stay below the thirty a
/// second that a bot may send.
const EVERY: Duration = Duration::from_millis(50);

/// What people wrote while the host was down.
const WRITTEN: i64 = 10_000;

/// How long a single answer, and all of what was written, may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const ALL_LIMIT: Duration = Duration::from_secs(300);

/// Between two looks at how much was taken.
const LOOK: Duration = Duration::from_millis(50);

const PLAN: Plan = Plan {
    warm_up: 20,
    turns: 400,
    at_most: Duration::from_secs(180),
};

/// Of what waits a quarter of a second for its turn, fewer tell as much.
const THROTTLED: Plan = Plan {
    warm_up: 5,
    turns: 100,
    at_most: Duration::from_secs(120),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let mut rows = answers(setting, &sortie).await?;
    let what = "messages from while the host was down, one in ten a task";
    let mixed = backlog(setting, &sortie, what, 10).await?;
    let rate = mixed.ours.p50;
    rows.push(mixed.under(Bar::at_least(rate, 500.0, Unit::PerSecond)));
    let what = "the same, every one a task";
    rows.push(backlog(setting, &sortie, what, 1).await?);
    Ok(rows)
}

/// A home for a host that speaks to that server. Its container engine is away,
/// so that jobs stay in the queue and nothing but the chat is measured.
fn home(setting: &Setting, api: &BotApi) -> Result<Home> {
    let more = format!(
        "[engine]\nendpoint = \"unix:///nonexistent/engine.sock\"\n\
         [projects.shop]\nrepository = \"https://git.example.com/shop.git\"\n\
         [telegram]\napi_url = {:?}\n",
        api.url()
    );
    Home::new(setting, "telegram", &more)
}

/// The shipped plugin.
pub fn package(setting: &Setting) -> Result<Vec<u8>> {
    let path = setting.workspace.join("dist/optional/telegram.wasm");
    std::fs::read(&path)
        .with_context(|| format!("read {}: `cargo xtask plugins` makes it", path.display()))
}

/// Installs the plugin, lets people in, and connects the bot.
pub async fn prepare(setting: &Setting, host: &Host) -> Result<()> {
    let mut connection = Connection::open(host.address).await?;
    host.upload(&mut connection, "/v1/plugins", &package(setting)?)
        .await?;
    for person in FIRST..FIRST + PEOPLE {
        let body = json!({
            "source": "telegram", "user": person.to_string(),
            "name": format!("Person {person}"), "role": "requester",
        });
        host.post(&mut connection, "/v1/people", &body).await?;
    }
    let body = json!({ "token": BotApi::TOKEN });
    host.post(&mut connection, "/v1/telegram", &body).await
}

/// From a task to its answer: a host and a bare loop by turns, then a loop that
/// teloxide throttles.
async fn answers(setting: &Setting, sortie: &Path) -> Result<Vec<Row>> {
    let api = BotApi::start().await;
    let home = home(setting, &api)?;
    let host = home.start(sortie).await?;
    prepare(setting, &host).await?;
    let echo_api = BotApi::start().await;
    let echoing = echo(bot(&echo_api)?);
    let (mut ours, mut theirs) = (0, 0);
    let both = paired(
        PLAN.shortened(setting.quick),
        async || answer(&api, &mut ours).await,
        async || answer(&echo_api, &mut theirs).await,
    )
    .await?;
    echoing.abort();
    host.end().await?;
    check_tasks(&home.data(), ours)?;
    let over = api.over_limits();
    ensure!(over.is_empty(), "keep Telegram's limits: {over:?}");

    let api = BotApi::start().await;
    let echoing = echo(Throttle::new_spawn(bot(&api)?, Limits::default()));
    let mut turn = 0;
    let throttled = alone(THROTTLED.shortened(setting.quick), async || {
        answer(&api, &mut turn).await
    })
    .await?;
    echoing.abort();

    let (p50, p99) = (both.ours.median(), both.ours.percentile(99));
    let what = "task by chat → plugin → job on disk → answer handed over";
    let row = Row::paired("telegram", what, Unit::Millis, &both, "a bare echo loop")
        .under(Bar::at_most(p50, 15.0, Unit::Millis))
        .under(Bar::at_most(p99, 60.0, Unit::Millis))
        .under(Bar::ratio_at_most(both.ratio(), 3.0));
    let beside = Row::alone("telegram", "the same", Unit::Millis, &both.ours)
        .against("an echo loop behind teloxide's Throttle", &throttled);
    Ok(vec![row, beside])
}

/// One task of the next person; how long its answer took, in milliseconds.
async fn answer(api: &BotApi, turn: &mut i64) -> Result<f64> {
    tokio::time::sleep(EVERY).await;
    let person = person(*turn);
    let text = task(*turn);
    *turn += 1;
    let before = said(api, person);
    let begun = Instant::now();
    api.says(person, person, &text);
    let answered = api.until(|api| said(api, person) > before);
    tokio::time::timeout(ANSWER_LIMIT, answered)
        .await
        .context("wait for an answer")?;
    Ok(millis(begun.elapsed()))
}

/// Who writes the message of that number.
fn person(number: i64) -> i64 {
    FIRST + number % PEOPLE
}

fn task(number: i64) -> String {
    format!("/task Mend part {number}")
}

/// How many messages of the bot's a chat shows.
fn said(api: &BotApi, chat: i64) -> usize {
    let shown = api.shown(chat);
    shown.iter().filter(|message| message.is_own).count()
}

fn bot(api: &BotApi) -> Result<Bot> {
    Ok(Bot::new(BotApi::TOKEN).set_api_url(api.url().parse()?))
}

/// Answers every message with its own text, and keeps nothing.
fn echo<B>(bot: B) -> JoinHandle<()>
where
    B: Requester<Err = RequestError> + Send + Sync + 'static,
    B::GetUpdates: Send,
    B::SendMessage: Send,
{
    tokio::spawn(async move {
        let mut offset = 0;
        loop {
            let asked = bot.get_updates().offset(offset).timeout(50);
            let Ok(updates) = asked.await else {
                tokio::time::sleep(EVERY).await;
                continue;
            };
            for update in updates {
                offset = i32::try_from(update.id.0 + 1).unwrap_or(i32::MAX);
                let UpdateKind::Message(message) = update.kind else {
                    continue;
                };
                let text = message.text().unwrap_or_default().to_owned();
                // What fails shows as an answer that never comes.
                let _ = bot.send_message(ChatId(message.chat.id.0), text).await;
            }
        }
    })
}

/// What was written while a host was down, of which one message in `every` of
/// each person is a task: how many a second the host takes. How fast answers
/// leave is bounded by Telegram, and is not what is measured.
async fn backlog(setting: &Setting, sortie: &Path, what: &str, every: i64) -> Result<Row> {
    let api = BotApi::start().await;
    let home = home(setting, &api)?;
    let host = home.start(sortie).await?;
    prepare(setting, &host).await?;
    host.end().await?;
    let written = if setting.quick { WRITTEN / 10 } else { WRITTEN };
    let mut tasks = 0;
    for number in 0..written {
        let is_task = number / PEOPLE % every == 0;
        let text = if is_task {
            task(number)
        } else {
            QUESTION.into()
        };
        tasks += i64::from(is_task);
        api.says(person(number), person(number), &text);
    }

    let host = home.start(sortie).await?;
    let ledger = ledger(&home.data())?;
    let deadline = Instant::now() + ALL_LIMIT;
    // From the first that were taken: what a start takes is another
    // benchmark's.
    let mut begun = None;
    let (since, first) = loop {
        let now = handled(&ledger)?;
        if now > 0 {
            let begun = *begun.get_or_insert((Instant::now(), now));
            if now >= written {
                break begun;
            }
        }
        ensure!(
            Instant::now() < deadline,
            "take what was written: {now} of {written} within {ALL_LIMIT:?}"
        );
        tokio::time::sleep(LOOK).await;
    };
    let took = since.elapsed();
    host.end().await?;

    ensure!(handled(&ledger)? == written, "take every message once");
    check_tasks(&home.data(), tasks)?;
    ensure!(in_order(&ledger)?, "answer in the order of each chat");
    let over = api.over_limits();
    ensure!(over.is_empty(), "keep Telegram's limits: {over:?}");
    ensure!(written > first, "measure: all was taken at once");
    let taken = u32::try_from(written - first)?;
    let rate = f64::from(taken) / took.as_secs_f64();
    let what = format!("{written} {what}");
    let figure = Figure::once(rate);
    Ok(Row::alone("telegram", what, Unit::PerSecond, figure))
}

/// A connection of our own to what a host wrote down.
pub fn ledger(data: &Path) -> Result<Database> {
    let path = data.join("sortie.db");
    Database::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("open {}", path.display()))
}

/// How many messages the plugin has handled, with all they asked for on disk.
fn handled(ledger: &Database) -> Result<i64> {
    let sql = "SELECT count(*) FROM plugin_events WHERE plugin = 'telegram' AND state = 'done'";
    Ok(ledger.query_row(sql, [], |row| row.get(0))?)
}

/// Refuses a ledger that has not exactly so many tasks, each person's in the
/// order they were written in.
fn check_tasks(data: &Path, expected: i64) -> Result<()> {
    let ledger = ledger(data)?;
    let mut select = ledger.prepare("SELECT task FROM requests ORDER BY job_id")?;
    let tasks = select.query_map([], |row| row.get::<_, String>(0))?;
    let (mut count, mut last) = (0, BTreeMap::new());
    for text in tasks {
        let text = text?;
        let number = text.rsplit(' ').next().unwrap_or_default();
        let number: i64 = number
            .parse()
            .with_context(|| format!("know the task {text:?}"))?;
        let before = last.insert(person(number), number);
        ensure!(
            before.is_none_or(|before| before < number),
            "take each person's tasks once and in order: {text:?} came late"
        );
        count += 1;
    }
    ensure!(
        count == expected,
        "find every task on disk: {count} of {expected}"
    );
    Ok(())
}

/// Whether answers that wait stand in the order of what they answer.
fn in_order(ledger: &Database) -> Result<bool> {
    let sql = "SELECT count(*) FROM (
            SELECT CAST(json_extract(o.body, '$.message.reply_to.message') AS INTEGER) AS answered,
                lag(CAST(json_extract(o.body, '$.message.reply_to.message') AS INTEGER))
                    OVER (PARTITION BY m.chat ORDER BY o.id) AS before
            FROM chat_outbox o JOIN chat_messages m ON m.number = o.number
            WHERE o.kind = 'send')
        WHERE answered < before";
    let wrong: i64 = ledger.query_row(sql, [], |row| row.get(0))?;
    Ok(wrong == 0)
}
