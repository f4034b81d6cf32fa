//! The suite of the notifier surface.

use crate::asked::{Asked, Import};
use crate::cases::{self, DeliveryCase};
use crate::effectful::{chat_errors, cut, http_errors};
use crate::stage::{Answer, Call, Done, Play, Stage, Subject};
use crate::world::{answer, is_to_webhook};
use crate::{Check, deliveries};
use serde_json::Value;
use sortie_plugins::outside::{HttpError, HttpRequest};
use sortie_plugins::surfaces::notifier::Delivery;
use sortie_plugins::{Limits, Plugins};

/// Loads the notifier and asks it. Every check is reported; afterwards it is
/// loaded as `subject` has it.
pub async fn check(plugins: &Plugins, subject: &Subject) -> Vec<Check> {
    let stage = match Stage::new(plugins, subject).await {
        Ok(stage) => stage,
        Err(problem) => return vec![Check::new("E1 it loads", Some(problem))],
    };
    let newer = stage.all(deliveries::newer()).await;
    let mut plays = own(subject);
    plays.extend(deliveries::usual());
    let usual = stage.all(plays).await;
    let odd = stage.all(deliveries::odd()).await;
    let played = [&usual[..], &newer, &odd].concat();
    let sending: Vec<&Play> = usual
        .iter()
        .filter(|(_, done)| done.asks(Import::Http))
        .map(|(play, _)| play)
        .collect();

    let mut checks = stage.promises(&played, deliveries::fresh).await;
    let why = "nothing made it send anything; configure it, or add a case";
    let silent = sending.is_empty() && !usual.iter().any(|(_, done)| says(done));
    checks.push(if silent {
        Check::untried(REPETITION, why)
    } else if usual
        .iter()
        .any(|(_, done)| says(done) || takes_key(&stage, done))
    {
        Check::all(REPETITION, repeated(&stage, &usual).await)
    } else {
        Check::untried(
            REPETITION,
            "it posts to incoming webhooks, which take no key",
        )
    });
    checks.push(Check::all(
        "N3 what it does not know is no failure",
        newer.iter().filter_map(failed),
    ));
    if silent {
        checks.extend([TRUTH, REDIRECT, WAIT].map(|name| Check::untried(name, why)));
    } else {
        let mut problems = unqueued(&stage, &usual).await;
        problems.extend(undelivered(&stage, &sending).await);
        checks.push(Check::all(TRUTH, problems));
    }
    if !sending.is_empty() {
        checks.push(Check::all(REDIRECT, redirected(&stage, &sending).await));
        checks.push(Check::all(WAIT, waits(&stage, &sending).await));
    }
    checks.push(Check::all(
        "N7 a reference is what the other side calls it, or none",
        played.iter().filter_map(nameless),
    ));
    checks.push(least(&stage).await);
    checks
}

const REPETITION: &str = "N1 a repetition can be told from another event";
const TRUTH: &str = "N4 delivered is what the other side has";
const REDIRECT: &str = "N5 a redirect is no delivery";
const WAIT: &str = "N6 waits end within the call";

/// What comes of a case's delivery, as its file would expect it.
///
/// # Errors
///
/// The plugin broke, or its answer is none.
pub async fn outcome(
    plugins: &Plugins,
    subject: &Subject,
    case: &DeliveryCase,
) -> Result<Value, String> {
    let stage = Stage::new(plugins, subject).await?;
    let Done { answer, record, .. } = stage.play(&play(case)).await;
    match answer {
        Answer::Delivery(delivery) => Ok(cases::delivered(&delivery, &record.asked)),
        Answer::Refused(why) | Answer::Malformed(why) | Answer::Late(why) | Answer::Broken(why) => {
            Err(why)
        }
        Answer::Reply(_) => Err("it is no event".into()),
    }
}

fn play(case: &DeliveryCase) -> Play {
    let (event, key) = case.delivery();
    Play {
        what: "a case".into(),
        call: Call::Delivery(event, key),
        script: case.given().script(),
        kept: case.given().kept(),
    }
}

/// The author's deliveries, to a host at which all goes well.
fn own(subject: &Subject) -> Vec<Play> {
    let numbered = subject.deliveries.iter().enumerate();
    numbered
        .map(|(n, case)| {
            let mut play = Play {
                what: format!("case {}", n + 1),
                ..play(case)
            };
            play.script.http = crate::world::Script::default().http;
            play
        })
        .collect()
}

/// Whether something was said to anybody by chat.
fn says(done: &Done) -> bool {
    let said = |asked: &Asked| matches!(asked, Asked::Send { .. } | Asked::Edit { .. });
    done.record.asked.iter().any(said)
}

fn request(asked: &Asked) -> Option<&HttpRequest> {
    match asked {
        Asked::Http(request) => Some(request),
        _ => None,
    }
}

/// Whether anything was sent to where a key is taken.
fn takes_key(stage: &Stage<'_>, done: &Done) -> bool {
    let mut sent = done.record.asked.iter().filter_map(request);
    sent.any(|asked| !is_to_webhook(&stage.grant, asked))
}

/// Whether the key is in it, anywhere.
fn carries(request: &HttpRequest, key: &str) -> bool {
    let body = request.body.as_deref().unwrap_or_default();
    request.url.contains(key)
        || request
            .headers
            .iter()
            .any(|field| field.value.contains(key))
        || body.windows(key.len()).any(|part| part == key.as_bytes())
}

/// Delivers twice, the second time with what the first left in kv.
async fn repeated(stage: &Stage<'_>, usual: &[(Play, Done)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (play, first) in usual {
        if !matches!(first.answer, Answer::Delivery(Delivery::Delivered(_))) {
            continue;
        }
        let Call::Delivery(_, key) = &play.call else {
            continue;
        };
        let second = stage
            .play(&Play {
                kept: first.kept.clone(),
                ..play.clone()
            })
            .await;
        // What only reads may be read again.
        let mut again = second.record.asked.iter().filter_map(request);
        let keyless = again.find(|asked| {
            !matches!(asked.method.as_str(), "GET" | "HEAD")
                && !is_to_webhook(&stage.grant, asked)
                && !carries(asked, key)
        });
        if let Some(asked) = keyless {
            problems.push(format!(
                "{}: the second try sends {} {} again, without the idempotency key",
                play.what, asked.method, asked.url
            ));
        }
        let sends = |asked: &Asked| matches!(asked, Asked::Send { .. });
        if second.record.asked.iter().any(sends) {
            problems.push(format!(
                "{}: the second try sends its message again",
                play.what
            ));
        }
    }
    problems
}

fn failed((play, done): &(Play, Done)) -> Option<String> {
    match &done.answer {
        Answer::Delivery(Delivery::Retry(why, _) | Delivery::Permanent(why)) => {
            Some(format!("{}: {why}", play.what))
        }
        _ => None,
    }
}

/// Messages that the host does not queue.
async fn unqueued(stage: &Stage<'_>, usual: &[(Play, Done)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (play, _) in usual.iter().filter(|(_, done)| says(done)) {
        for (name, error) in chat_errors() {
            let done = stage
                .play(&play.with(|script| script.chat = Some(error.clone())))
                .await;
            if matches!(done.answer, Answer::Delivery(Delivery::Delivered(_))) {
                problems.push(format!(
                    "{}: no message is queued (`{name}`), and it says delivered",
                    play.what
                ));
            }
        }
    }
    problems
}

/// What an answer leaves open.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It may work later.
    Later,
    /// Nothing but that the other side does not have it.
    Undelivered,
}

/// Answers with every status that is none of success, and with every error.
async fn undelivered(stage: &Stage<'_>, sending: &[&Play]) -> Vec<String> {
    let mut cases = Vec::new();
    for status in [
        400, 401, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 451, 499,
    ] {
        cases.push((
            format!("{status}"),
            Ok(answer(status, &[], "no")),
            Then::Undelivered,
        ));
    }
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 599] {
        // Whether 501 or 408 pass is a matter of taste.
        let then = match status {
            429 | 500 | 502 | 503 | 504 => Then::Later,
            _ => Then::Undelivered,
        };
        cases.push((
            format!("{status}"),
            Ok(answer(status, &[], "{\"ok\":false}")),
            then,
        ));
    }
    for (name, error) in http_errors() {
        let then = match error {
            HttpError::Unreachable(_) | HttpError::TimedOut | HttpError::Failed(_) => Then::Later,
            _ => Then::Undelivered,
        };
        cases.push((format!("`{name}`"), Err(error), then));
    }
    let mut problems = Vec::new();
    for play in sending {
        for (what, answered, then) in &cases {
            let play = play.with(|script| script.http = vec![answered.clone()]);
            let done = stage.play(&play).await;
            let problem = match (&done.answer, then) {
                (Answer::Delivery(Delivery::Delivered(_)), _) => "it says delivered".to_owned(),
                (Answer::Delivery(Delivery::Permanent(why)), Then::Later) => {
                    format!("it gives up what may work later: {why}")
                }
                // A trap on an error is told elsewhere, on an answer here.
                (Answer::Broken(why) | Answer::Late(why), _) if answered.is_ok() => why.clone(),
                _ => continue,
            };
            problems.push(format!("{}, answered with {what}: {problem}", play.what));
        }
        problems.extend(paused(stage, play).await);
    }
    problems
}

/// Asks for a pause in each way there is.
async fn paused(stage: &Stage<'_>, play: &Play) -> Vec<String> {
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let mut problems = Vec::new();
    for (after, at_least_ms) in [
        ("120", Some(120_000)),
        ("Sun, 06 Nov 1994 08:51:37 GMT", None),
        ("soon", None),
        ("-1", None),
        ("99999999999999999999999", None),
        ("", None),
    ] {
        for status in [429, 503] {
            let fields = [DATE, ("retry-after", after)];
            let answered = answer(status, &fields, "");
            let play = play.with(|script| script.http = vec![Ok(answered.clone())]);
            let done = stage.play(&play).await;
            let problem = match (&done.answer, at_least_ms) {
                (Answer::Delivery(Delivery::Retry(_, Some(pause))), Some(least))
                    if *pause < least =>
                {
                    format!("it tries again after {pause} ms")
                }
                (Answer::Delivery(Delivery::Retry(_, None)), Some(_)) => {
                    "it does not pass the pause on".to_owned()
                }
                (Answer::Delivery(Delivery::Delivered(_)), _) => "it says delivered".to_owned(),
                (Answer::Broken(why) | Answer::Late(why), _) => why.clone(),
                _ => continue,
            };
            problems.push(format!(
                "{}, answered with {status} and `retry-after: {after}`: {problem}",
                play.what
            ));
        }
    }
    problems
}

async fn redirected(stage: &Stage<'_>, sending: &[&Play]) -> Vec<String> {
    const ELSEWHERE: &str = "https://elsewhere.example/hook";
    let mut problems = Vec::new();
    for play in sending {
        for status in [300, 301, 302, 303, 307, 308] {
            let answered = answer(status, &[("location", ELSEWHERE)], "");
            let play = play.with(|script| script.http = vec![Ok(answered.clone())]);
            let done = stage.play(&play).await;
            let mut asked = done.record.asked.iter().filter_map(request);
            let problem = match &done.answer {
                _ if asked.any(|request| request.url == ELSEWHERE) => "it goes there by itself",
                Answer::Delivery(Delivery::Delivered(_)) => "it says delivered",
                _ => continue,
            };
            problems.push(format!("{}, answered with {status}: {problem}", play.what));
        }
    }
    problems
}

/// Leaves every request unanswered: their timeouts must fit into the call.
async fn waits(stage: &Stage<'_>, sending: &[&Play]) -> Vec<String> {
    let host = Limits::default().wall_ms;
    let call_ms = stage.grant.limits.wall_ms.map_or(host, |own| own.min(host));
    let mut problems = Vec::new();
    for play in sending {
        let play = play.with(|script| script.http = vec![Err(HttpError::TimedOut)]);
        let done = stage.play(&play).await;
        let waits = done.record.asked.iter().filter_map(request);
        let sum: u64 = waits.map(|request| u64::from(request.timeout_ms)).sum();
        if sum > call_ms {
            problems.push(format!(
                "{}: when nobody answers its requests take {sum} ms, and a call {call_ms}",
                play.what
            ));
        }
    }
    problems
}

/// The host cuts a long reference; one that says nothing is the guest's.
fn nameless((play, done): &(Play, Done)) -> Option<String> {
    match &done.answer {
        Answer::Delivery(Delivery::Delivered(Some(name))) if name.trim().is_empty() => {
            Some(format!("{}: it is blank", play.what))
        }
        _ => None,
    }
}

/// Everything usual with the least configuration that its schema allows.
async fn least(stage: &Stage<'_>) -> Check {
    const NAME: &str = "N8 what it is not set up to tell of is no failure";
    let subject = stage.subject;
    let nothing = Value::Object(serde_json::Map::new());
    let allowed = |config: &Value| {
        let schema = subject.manifest.config_schema();
        schema.is_ok_and(|schema| schema.validate(config).is_ok())
    };
    let config = match allowed(&nothing) {
        true => nothing,
        // What it cannot do without is what it was given.
        false => subject.config.clone(),
    };
    if let Err(why) = stage.load(config).await {
        return Check::new(NAME, Some(why));
    }
    let done = stage.all(deliveries::usual()).await;
    let back = stage.load(subject.config.clone()).await.err();
    let problems: Vec<String> = done.iter().filter_map(failed).chain(back).collect();
    Check::all(NAME, problems.iter().map(|why| cut(why).to_owned()))
}
