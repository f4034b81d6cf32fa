//! A host with the shipped Telegram plugin, and people who write to its bot.
//! First, how long it takes from a message until its answer was handed over,
//! beside a bare loop of teloxide-core that echoes, and beside the same with
//! teloxide's own throttling. Then, how fast the host takes what people wrote
//! while it was down: all of it, once, and in order.

use super::Setting;
use crate::host::{Home, Host};
use crate::http::Connection;
use crate::measure::{Plan, millis, paired};
use crate::report::{Bar, Figure, Row, Unit};
use anyhow::{Context, Result, bail, ensure};
use rusqlite::{Connection as Database, OpenFlags};
use serde_json::json;
use sortie_servers::{BotApi, Limits};
use std::path::Path;
use std::time::{Duration, Instant};
use teloxide_core::adaptors::throttle::{Limits as ThrottleLimits, Throttle};
use teloxide_core::payloads::GetUpdatesSetters;
use teloxide_core::requests::Requester;
use teloxide_core::types::{ChatId, UpdateKind};
use teloxide_core::{Bot, RequestError};
use tokio::task::JoinHandle;

/// How many people write.
pub const PEOPLE: i64 = 60;

/// The first person's id.
pub const FIRST: i64 = 1_000;

/// What people write: it is answered at once and changes nothing.
const TEXT: &str = "/help";

/// Between two messages: below the thirty a second that a bot may send.
const EVERY: Duration = Duration::from_millis(50);

/// What people wrote while the host was down.
const WRITTEN: i64 = 10_000;

/// How long a single answer, and all of what was written, may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
const ALL_LIMIT: Duration = Duration::from_secs(300);

const PLAN: Plan = Plan {
    warm_up: 20,
    turns: 400,
    at_most: Duration::from_secs(180),
};

pub async fn measure(setting: &Setting) -> Result<Vec<Row>> {
    let sortie = setting.sortie().await?;
    let api = BotApi::start().await;
    let home = home(setting, "telegram", &api)?;
    let host = home.start(&sortie).await?;
    prepare(setting, &host).await?;

    let mut rows = answers(setting, &api).await?;
    host.end().await?;
    rows.push(backlog(setting, &api, &home, &sortie).await?);
    ensure!(
        api.violations().is_empty(),
        "keep Telegram's limits: {:?}",
        api.violations()
    );
    Ok(rows)
}

/// A home for a host that speaks to that server.
pub fn home(setting: &Setting, name: &str, api: &BotApi) -> Result<Home> {
    let more = format!("[telegram]\napi_url = \"{}\"\n", api.url());
    Home::new(setting, name, &more)
}

/// Installs the plugin, lets people in, and connects the bot.
pub async fn prepare(setting: &Setting, host: &Host) -> Result<()> {
    let path = setting.workspace.join("dist/optional/telegram.wasm");
    let package = std::fs::read(&path)
        .with_context(|| format!("read {}: `cargo xtask plugins` makes it", path.display()))?;
    let mut connection = Connection::open(host.address).await?;
    host.upload(&mut connection, "/v1/plugins", &package)
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

/// From a message to its answer, on both sides by turns.
async fn answers(setting: &Setting, api: &BotApi) -> Result<Vec<Row>> {
    let plan = PLAN.shortened(setting.quick);
    let echo_api = BotApi::start().await;
    let echo = echo(bot(&echo_api)?);
    let (mut ours, mut theirs) = (0, 0);
    let both = paired(
        plan,
        async || answer(api, &mut ours).await,
        async || answer(&echo_api, &mut theirs).await,
    )
    .await?;
    echo.abort();

    let throttled_api = BotApi::start().await;
    let throttle = Throttle::new_spawn(bot(&throttled_api)?, ThrottleLimits::default());
    let throttled = self::echo(throttle);
    let mut turn = 0;
    let alone = crate::measure::alone(plan, async || answer(&throttled_api, &mut turn).await);
    let alone = alone.await?;
    throttled.abort();

    let (p50, p99) = (both.ours.median(), both.ours.percentile(99));
    let ratio = both.ratio();
    let what = "message → plugin → disk → answer handed over";
    let row = Row::paired("telegram", what, Unit::Millis, &both, "a bare echo loop");
    let row = row
        .under(Bar::at_most(p50, 15.0, Unit::Millis))
        .under(Bar::at_most(p99, 60.0, Unit::Millis))
        .under(Bar::ratio_at_most(ratio, 3.0));
    let throttle = Row::alone(
        "telegram",
        "the same, ours beside teloxide's Throttle",
        Unit::Millis,
        &both.ours,
    );
    Ok(vec![
        row,
        throttle.against("the echo loop behind Throttle", &alone),
    ])
}

/// One message of the next person; how long its answer took, in milliseconds.
async fn answer(api: &BotApi, turn: &mut i64) -> Result<f64> {
    tokio::time::sleep(EVERY).await;
    let person = FIRST + *turn % PEOPLE;
    *turn += 1;
    let before = api.created().len();
    let begun = Instant::now();
    api.says(person, person, TEXT);
    let answered = api.until(|api| api.created().len() > before);
    tokio::time::timeout(ANSWER_LIMIT, answered)
        .await
        .context("wait for an answer")?;
    Ok(millis(begun.elapsed()))
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
            let updates = match bot.get_updates().offset(offset).timeout(50).await {
                Ok(updates) => updates,
                Err(_) => {
                    tokio::time::sleep(EVERY).await;
                    continue;
                }
            };
            for update in updates {
                offset = i32::try_from(update.id.0 + 1).unwrap_or(i32::MAX);
                let UpdateKind::Message(message) = update.kind else {
                    continue;
                };
                let text = message.text().unwrap_or_default();
                // What fails shows as an answer that never comes.
                let _ = bot.send_message(ChatId(message.chat.id.0), text).await;
            }
        }
    })
}

/// What was written while the host was down: how many a second it takes.
async fn backlog(setting: &Setting, api: &BotApi, home: &Home, sortie: &Path) -> Result<Row> {
    let written = if setting.quick { WRITTEN / 10 } else { WRITTEN };
    // How fast answers leave is bounded by Telegram and is not what is measured.
    api.limit(Limits::default());
    let before = handled(&home.data())?;
    for at in 0..written {
        let person = FIRST + at % PEOPLE;
        api.says(person, person, TEXT);
    }
    let host = home.start(sortie).await?;
    let all = before + written;
    // From the first that was taken: what a start takes is another benchmark's.
    let mut begun = None;
    let deadline = Instant::now() + ALL_LIMIT;
    let took = loop {
        let now = handled(&home.data())?;
        if now > before {
            begun.get_or_insert((Instant::now(), now));
        }
        if now >= all {
            let (since, first) = begun.context("measure: it was taken all at once")?;
            break (since.elapsed(), all - first);
        }
        if Instant::now() > deadline {
            bail!("take what was written: {} of {written}", now - before);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    host.end().await?;
    ensure!(handled(&home.data())? == all, "take every message once");
    ensure!(in_order(&home.data())?, "answer in the order of each chat");
    let (time, taken) = took;
    let rate = f64::from(u32::try_from(taken)?) / time.as_secs_f64();
    let what = format!("{written} messages that were written while the host was down");
    let row = Row::alone("telegram", what, Unit::PerSecond, Figure::once(rate));
    Ok(row.under(Bar::at_least(rate, 500.0, Unit::PerSecond)))
}

fn database(data: &Path) -> Result<Database> {
    let path = data.join("sortie.db");
    Database::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("open {}", path.display()))
}

/// How many messages the plugin has handled.
fn handled(data: &Path) -> Result<i64> {
    let sql = "SELECT count(*) FROM plugin_events WHERE plugin = 'telegram' AND state = 'done'";
    Ok(database(data)?.query_row(sql, [], |row| row.get(0))?)
}

/// Whether answers that wait stand in the order of what they answer.
fn in_order(data: &Path) -> Result<bool> {
    let sql = "SELECT count(*) FROM (
            SELECT CAST(json_extract(o.body, '$.message.reply_to.message') AS INTEGER) AS answered,
                lag(CAST(json_extract(o.body, '$.message.reply_to.message') AS INTEGER))
                    OVER (PARTITION BY m.chat ORDER BY o.id) AS before
            FROM chat_outbox o JOIN chat_messages m ON m.number = o.number
            WHERE o.kind = 'send')
        WHERE answered < before";
    let wrong: i64 = database(data)?.query_row(sql, [], |row| row.get(0))?;
    Ok(wrong == 0)
}
