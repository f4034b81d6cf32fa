//! The suite of the connector surface.

use crate::asked::{Asked, Import};
use crate::cases::{self, EventCase};
use crate::effectful::{differs, jobs_errors};
use crate::stage::{Answer, Call, Done, Play, Stage, Subject};
use crate::world::job;
use crate::{Check, decisions, events};
use serde_json::Value;
use sortie_package::manifest::JobAction;
use sortie_plugins::Plugins;
use sortie_plugins::outside::JobView;
use sortie_plugins::surfaces::connector::Payload;

/// Loads the connector and asks it. Every check is reported; afterwards it is
/// loaded as `subject` has it.
pub async fn check(plugins: &Plugins, subject: &Subject) -> Vec<Check> {
    let stage = match Stage::new(plugins, subject).await {
        Ok(stage) => stage,
        Err(problem) => return vec![Check::new("E1 it loads", Some(problem))],
    };
    let own: Vec<Play> = own(subject);
    let mut wrong = events::wrong(&stage.grant);
    wrong.extend(own.iter().flat_map(events::spoilt));
    let wrong = stage.all(wrong).await;
    let mut fine = own;
    fine.extend(events::ticks(&stage.grant));
    let fine = stage.all(fine).await;
    let foreign = stage.all(events::foreign(&stage.grant)).await;
    let played = [&fine[..], &wrong, &foreign].concat();

    let mut checks = stage.promises(&played, events::fresh).await;
    checks.push(Check::all(
        "C1 what its sender did wrong is no error",
        refused(&wrong),
    ));
    if stage.imports(Import::Jobs) {
        checks.push(told(&stage, &played).await);
    }
    checks.extend(tried_again(&stage, &played).await);
    checks.push(Check::all(
        "C5 what it answers is an answer",
        answers(&stage, &played).await,
    ));
    if stage.grant.jobs.allow.contains(&JobAction::Decide) {
        checks.push(Check::all(
            "C6 nothing is decided for who may not",
            decisions::by_others(&stage, &played).await,
        ));
    }
    if !stage.grant.chat.sources.is_empty() {
        if stage.grant.jobs.allow.contains(&JobAction::Decide) {
            checks.push(decisions::about_others(&stage, &played).await);
        }
        let pressed: Vec<String> = played.iter().filter_map(unacknowledged).collect();
        checks.push(Check::all("C8 every press is acknowledged", pressed));
    }
    checks.push(Check::all(
        "C9 what is not its own is ignored",
        foreign.iter().filter_map(heeded),
    ));
    let ticks = events::missed(&stage.grant);
    if !ticks.is_empty() {
        checks.push(Check::all(
            "C10 a tick after missed ones is one tick",
            missed(&stage, ticks).await,
        ));
    }
    checks
}

/// What comes of a case's event, as its file would expect it.
///
/// # Errors
///
/// The plugin broke, or its answer is none.
pub async fn outcome(
    plugins: &Plugins,
    subject: &Subject,
    case: &EventCase,
) -> Result<Value, String> {
    let stage = Stage::new(plugins, subject).await?;
    let Done { answer, record, .. } = stage.play(&play(case)).await;
    match answer {
        Answer::Reply(reply) => Ok(cases::replied(reply.as_ref(), &record.asked)),
        Answer::Refused(why) => Ok(cases::refused(&why, &record.asked)),
        Answer::Malformed(why) | Answer::Late(why) | Answer::Broken(why) => Err(why),
        Answer::Delivery(_) => Err("it is no delivery".into()),
    }
}

fn play(case: &EventCase) -> Play {
    Play {
        what: "a case".into(),
        call: Call::Event(case.event()),
        script: case.given().script(),
        kept: case.given().kept(),
    }
}

fn own(subject: &Subject) -> Vec<Play> {
    let numbered = subject.events.iter().enumerate();
    numbered
        .map(|(n, case)| Play {
            what: format!("case {}", n + 1),
            ..play(case)
        })
        .collect()
}

fn refused(wrong: &[(Play, Done)]) -> Vec<String> {
    let refused = wrong.iter().filter_map(|(play, done)| match &done.answer {
        Answer::Refused(why) => Some(format!(
            "{} is an error, which comes again until it is parked: {why}",
            play.what
        )),
        _ => None,
    });
    refused.collect()
}

/// Answers what is asked about jobs with each error.
async fn told(stage: &Stage<'_>, played: &[(Play, Done)]) -> Check {
    const NAME: &str = "C2 a refusal is told, and the host's trouble is an error";
    let asking: Vec<&Play> = played
        .iter()
        // What is not granted is answered so whatever the script says.
        .filter(|(_, done)| done.asks(Import::Jobs) && done.record.denied.is_empty())
        .map(|(play, _)| play)
        .collect();
    if asking.is_empty() {
        return Check::untried(
            NAME,
            "no event made it ask anything about jobs; add a case that does",
        );
    }
    let mut problems = Vec::new();
    for (name, error) in jobs_errors() {
        for play in &asking {
            let play = play.with(|script| script.jobs = Some(error.clone()));
            match (stage.play(&play).await.answer, name) {
                (Answer::Reply(_), "other") => problems.push(format!(
                    "{}: the host could not do it now, and the event does not come again",
                    play.what
                )),
                (Answer::Refused(why), name) if name != "other" => problems.push(format!(
                    "{}: the sender is not told of `{name}`: {why}",
                    play.what
                )),
                _ => {}
            }
        }
    }
    Check::all(NAME, problems)
}

/// Everything once more as a second try, with kv as it was. What differs by
/// itself is told elsewhere.
async fn tried_again(stage: &Stage<'_>, played: &[(Play, Done)]) -> [Check; 2] {
    let (mut effects, mut requests) = (Vec::new(), Vec::new());
    for (play, first) in played {
        if !first.same(&stage.play(play).await) {
            continue;
        }
        let mut again = play.clone();
        if let Call::Event(event) = &mut again.call {
            event.attempt += 1;
        }
        let second = stage.play(&again).await;
        let told = || format!("{}: {}", play.what, differs(first, &second));
        if first.effects() != second.effects() {
            effects.push(told());
        } else if first.requests() != second.requests() {
            requests.push(told());
        }
    }
    let check = |name, what, any: bool, problems| match any {
        true => Check::all(name, problems),
        false => Check::untried(
            name,
            format!("no event made it {what}; add a case that does"),
        ),
    };
    let any = |of: fn(&Done) -> bool| played.iter().any(|(_, done)| of(done));
    [
        check(
            "C3 another try does everything",
            "change anything",
            any(|done| !done.effects().is_empty()) || !effects.is_empty(),
            effects,
        ),
        check(
            "C4 another try sends the same requests",
            "send a request",
            any(|done| !done.requests().is_empty()) || !requests.is_empty(),
            requests,
        ),
    ]
}

/// A job whose texts are as long as they may be, and hard to write.
fn largest() -> JobView {
    let text = |chars: usize| "\u{1}".repeat(chars);
    JobView {
        project: "x".repeat(64),
        title: text(120),
        requested_by: text(256),
        branch: Some("x".repeat(240)),
        asked_commit: Some("f".repeat(64)),
        detail: Some(text(64 << 10)),
        ..job(u64::MAX, "needs_review")
    }
}

async fn answers(stage: &Stage<'_>, played: &[(Play, Done)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (play, done) in played {
        match &done.answer {
            Answer::Malformed(why) => problems.push(format!("{}: {why}", play.what)),
            Answer::Reply(Some(_)) if !is_request(play) => {
                problems.push(format!("{}: it answers what is no request", play.what));
            }
            _ => {}
        }
        if !done.asks(Import::Jobs) {
            continue;
        }
        let large = play.with(|script| {
            (script.job, script.known) = (largest(), None);
        });
        match stage.play(&large).await.answer {
            Answer::Malformed(why) | Answer::Refused(why) | Answer::Broken(why) => {
                problems.push(format!("{}, of the largest job: {why}", play.what));
            }
            _ => {}
        }
    }
    problems
}

fn is_request(play: &Play) -> bool {
    match &play.call {
        Call::Event(event) => matches!(event.payload, Payload::Http { .. }),
        Call::Delivery(..) => false,
    }
}

fn unacknowledged((play, done): &(Play, Done)) -> Option<String> {
    let Call::Event(event) = &play.call else {
        return None;
    };
    let Payload::Press { interaction, .. } = &event.payload else {
        return None;
    };
    // One of no source of its own is none of its business.
    let seen = done.record.asked.iter().any(
        |asked| matches!(asked, Asked::Acknowledge { interaction: seen, .. } if seen == interaction),
    );
    (!seen && event.source != events::FOREIGN && done.broken().is_none())
        .then(|| format!("{} is not", play.what))
}

fn heeded((play, done): &(Play, Done)) -> Option<String> {
    if let Answer::Refused(why) = &done.answer {
        return Some(format!("{} is an error: {why}", play.what));
    }
    let asked = done.record.asked.first()?;
    Some(format!("{}: it asks for {}", play.what, asked.to_json()))
}

async fn missed(stage: &Stage<'_>, ticks: Vec<(Play, Play)>) -> Vec<String> {
    let mut problems = Vec::new();
    for (one, many) in ticks {
        let (alone, after) = (stage.play(&one).await, stage.play(&many).await);
        if alone.record.asked != after.record.asked {
            problems.push(format!("{}: {}", one.what, differs(&alone, &after)));
        }
    }
    problems
}
