//! Hosts that runs were refused, and people's answers.

use crate::support::{PLENTY, answer, home};
use serde_json::json;
use sortie_model::approval::Decision;
use sortie_model::clock::Clock;
use sortie_model::egress::RulingScope;
use sortie_model::halt::HaltReason;
use sortie_model::id::JobId;
use sortie_model::job::JobEvent;
use sortie_store::{
    AuditFilter, NewEgressRefusal, NewRetry, NewRuling, RunEnd, StoreError, limits,
};

fn refusal(host: &str, port: u16, question: bool) -> NewEgressRefusal {
    NewEgressRefusal {
        method: "CONNECT".into(),
        host: host.into(),
        port,
        reason: "not-listed".into(),
        question,
    }
}

fn ruling(host: &str, port: Option<u16>, allow: bool, scope: RulingScope) -> NewRuling {
    NewRuling {
        host: host.parse().expect("a pattern"),
        port,
        allow,
        scope,
        by: "ada".into(),
        via: "cli".into(),
    }
}

#[tokio::test]
async fn a_refused_host_is_an_event_each_time_and_a_question_once() {
    let home = home().await;
    let claim = home.executing().await;
    for (host, question) in [("a.example", true), ("a.example", true), ("[::1]", false)] {
        let refused = refusal(host, 443, question);
        home.store
            .egress_refused(claim.fence, refused)
            .await
            .unwrap();
    }
    let kinds = home.kinds(claim.job.id).await;
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "egress.refused")
            .count(),
        3
    );
    let asks = home.store.egress_asks(claim.job.id).await.unwrap();
    assert_eq!(asks.len(), 1);
    assert_eq!((asks[0].host.as_str(), asks[0].port), ("a.example", 443));
    assert_eq!(asks[0].asked_at, home.clock.now());
    assert_eq!(home.store.egress_questions(10).await.unwrap(), asks);
    let cancelled = home.store.cancel(claim.job.id, "ann", "cli").await.unwrap();
    assert!(cancelled.changed);
    let stale = home
        .store
        .egress_refused(claim.fence, refusal("b.example", 1, true))
        .await;
    assert!(matches!(stale, Err(StoreError::Stale { .. })), "{stale:?}");
    // Nobody needs an answer any more.
    assert!(home.store.egress_questions(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_answered_is_closed_with_the_job_and_asked_anew_by_the_next_run() {
    let home = home().await;
    let store = &home.store;
    let claim = home.executing().await;
    let job = claim.job.id;
    for host in ["a.example", "b.example"] {
        let refused = refusal(host, 443, true);
        store.egress_refused(claim.fence, refused).await.unwrap();
    }
    let yes = ruling("b.example", None, true, RulingScope::Job);
    let given = store.rule_egress(job, yes).await;
    given.unwrap();
    let told = async |kind: &str| {
        let event = store.newest_event(job, kind).await.unwrap();
        event.map(|event| event.data)
    };
    assert_eq!(told("egress.allowed").await.unwrap()["job_is_over"], false);
    let halted = JobEvent::Halted {
        reason: HaltReason::AgentFailed,
        detail: "it could not reach a.example".into(),
    };
    let end = RunEnd::default();
    store.finish(claim.fence, halted, end).await.unwrap();
    let asks = store.egress_asks(job).await.unwrap();
    let closed = told("egress.closed").await.unwrap();
    let expected = json!([{ "ask": asks[0].id, "host": "a.example", "port": 443 }]);
    assert_eq!(closed["asks"], expected);
    let kinds = home.kinds(job).await;
    assert_eq!(kinds[kinds.len() - 2..], ["egress.closed", "job.halted"]);
    let late = ruling("c.example", None, true, RulingScope::Job);
    store.rule_egress(job, late).await.unwrap();
    assert_eq!(told("egress.allowed").await.unwrap()["job_is_over"], true);

    home.clock.advance(10);
    store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    let again = store.claim(PLENTY).await.unwrap().unwrap();
    home.execute(again.fence).await;
    for is_new in [true, false] {
        let refused = refusal("a.example", 443, true);
        store.egress_refused(again.fence, refused).await.unwrap();
        let refused = told("egress.refused").await.unwrap();
        assert_eq!(refused["new"], is_new);
        assert_eq!(refused["ask"], asks[0].id, "under its number");
    }
    let anew = store.egress_asks(job).await.unwrap();
    assert_eq!(
        (anew[0].run, anew[0].asked_at),
        (again.run.id, home.clock.now())
    );
}

#[tokio::test]
async fn what_was_answered_for_one_run_is_asked_anew_by_the_next() {
    let home = home().await;
    let store = &home.store;
    let mut claim = home.executing().await;
    let job = claim.job.id;
    let told = async |fence, host: &str| {
        let refused = refusal(host, 443, true);
        store.egress_refused(fence, refused).await.unwrap();
        let event = store.newest_event(job, "egress.refused").await.unwrap();
        event.unwrap().data["new"].clone()
    };
    for (host, is_new) in [("once.example", true), ("never.example", true)] {
        assert_eq!(told(claim.fence, host).await, is_new);
    }
    for (host, allow, scope) in [
        ("once.example", true, RulingScope::Run),
        ("never.example", false, RulingScope::Run),
        ("never.example", false, RulingScope::Job),
    ] {
        let given = store.rule_egress(job, ruling(host, None, allow, scope));
        given.await.unwrap();
    }
    for _ in 0..2 {
        home.clock.advance(10);
        let not_before = home.clock.now();
        let postponed = JobEvent::Postponed { not_before };
        let end = RunEnd::default();
        store.finish(claim.fence, postponed, end).await.unwrap();
        claim = store.claim(PLENTY).await.unwrap().unwrap();
        home.execute(claim.fence).await;
        assert_eq!(told(claim.fence, "never.example").await, false);
        // Nobody answers the first of these runs, so that the question is open.
        let is_new = claim.run.attempt == 2;
        assert_eq!(told(claim.fence, "once.example").await, is_new);
        assert_eq!(told(claim.fence, "once.example").await, false);
        let open = store.egress_questions(10).await.unwrap();
        let hosts: Vec<&str> = open.iter().map(|ask| ask.host.as_str()).collect();
        assert_eq!(hosts, ["once.example"]);
    }
}

#[tokio::test]
async fn a_question_that_was_not_asked_again_is_not_closed_again() {
    let home = home().await;
    let store = &home.store;
    let claim = home.executing().await;
    let job = claim.job.id;
    let refused = refusal("a.example", 443, true);
    store.egress_refused(claim.fence, refused).await.unwrap();
    store.cancel(job, "ann", "cli").await.unwrap();
    store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    let again = store.claim(PLENTY).await.unwrap().unwrap();
    home.execute(again.fence).await;
    home.succeed(again.fence).await;
    let kinds = home.kinds(job).await;
    let closed = kinds.iter().filter(|kind| *kind == "egress.closed");
    assert_eq!(closed.count(), 1);
}

#[tokio::test]
async fn the_questions_of_one_job_are_bounded() {
    let home = home().await;
    let claim = home.executing().await;
    for n in 0..limits::MAX_EGRESS_ASKS + 5 {
        let refused = refusal(&format!("h{n}.example"), 443, true);
        home.store
            .egress_refused(claim.fence, refused)
            .await
            .unwrap();
    }
    let asks = home.store.egress_asks(claim.job.id).await.unwrap();
    assert_eq!(asks.len(), limits::MAX_EGRESS_ASKS as usize);
}

#[tokio::test]
async fn a_question_does_not_drop_out_behind_newer_ones_that_are_answered() {
    let home = home().await;
    let store = &home.store;
    let old = home.executing().await;
    store
        .egress_refused(old.fence, refusal("waits.example", 443, true))
        .await
        .unwrap();
    // More than a page of newer ones, of as many jobs as that takes.
    for _ in 0..=limits::MAX_PAGE / limits::MAX_EGRESS_ASKS {
        let fence = home.executing().await.fence;
        let mut refusals = tokio::task::JoinSet::new();
        for n in 0..limits::MAX_EGRESS_ASKS {
            let store = store.clone();
            let refused = refusal(&format!("h{n}.a.example"), 443, true);
            refusals.spawn(async move { store.egress_refused(fence, refused).await });
        }
        while let Some(told) = refusals.join_next().await {
            told.expect("it does not panic").unwrap();
        }
    }
    let newest = store.egress_questions(10).await.unwrap();
    assert_eq!(newest.len(), 10);
    assert!(newest.iter().all(|ask| ask.host != "waits.example"));
    let all = ruling("*.a.example", None, true, RulingScope::Project);
    store.rule_egress(old.job.id, all).await.unwrap();
    let open = store.egress_questions(10).await.unwrap();
    let hosts: Vec<&str> = open.iter().map(|ask| ask.host.as_str()).collect();
    assert_eq!(hosts, ["waits.example"]);
}

#[tokio::test]
async fn an_answer_goes_as_far_as_it_says() {
    let home = home().await;
    let first = home.executing().await;
    let store = &home.store;
    let job = first.job.id;
    for (host, scope) in [
        ("run.example", RulingScope::Run),
        ("job.example", RulingScope::Job),
        ("project.example", RulingScope::Project),
    ] {
        let given = store
            .rule_egress(job, ruling(host, None, true, scope))
            .await
            .unwrap();
        assert_eq!((given.by.as_str(), given.via.as_str()), ("ada", "cli"));
        assert_eq!(given.at, home.clock.now());
    }
    let hosts = async |job, run| -> Vec<String> {
        let rulings = store.egress_rulings(job, Some(run)).await.unwrap();
        rulings
            .into_iter()
            .map(|ruling| ruling.host.to_string())
            .collect()
    };
    assert_eq!(
        hosts(job, first.run.id).await,
        ["project.example", "job.example", "run.example"]
    );
    let other = home.executing().await;
    assert_eq!(hosts(other.job.id, other.run.id).await, ["project.example"]);
    // Another attempt at the same job.
    store.cancel(job, "ann", "cli").await.unwrap();
    store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    let second = store.claim(crate::support::PLENTY).await.unwrap().unwrap();
    assert_eq!(second.job.id, job);
    assert_eq!(
        hosts(job, second.run.id).await,
        ["project.example", "job.example"]
    );
}

#[tokio::test]
async fn an_answer_is_told_signalled_and_written_down() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let job = claim.job.id;
    store
        .egress_refused(claim.fence, refusal("a.example", 443, true))
        .await
        .unwrap();
    let mut signal = store.egress_signal();
    signal.mark_unchanged();
    let deny = ruling("*.a.example", Some(8443), false, RulingScope::Project);
    store.rule_egress(job, deny).await.unwrap();
    assert!(signal.has_changed().unwrap());
    let asks = store.egress_asks(job).await.unwrap();
    assert_eq!(asks[0].ruling, None, "it is about other hosts");
    store
        .rule_egress(job, ruling("a.example", None, true, RulingScope::Job))
        .await
        .unwrap();
    let asks = store.egress_asks(job).await.unwrap();
    assert!(asks[0].ruling.as_ref().is_some_and(|ruling| ruling.allow));
    assert!(store.egress_questions(10).await.unwrap().is_empty());
    let kinds = home.kinds(job).await;
    assert_eq!(
        kinds[kinds.len() - 2..],
        ["egress.denied", "egress.allowed"]
    );
    let filter = AuditFilter {
        action: "egress.".into(),
        ..AuditFilter::default()
    };
    let log = store.audit_log(filter).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(
        (log[0].actor.as_str(), log[0].action.as_str()),
        ("ada", "egress.allowed")
    );
    assert_eq!(log[1].detail["scope"], "project");
    assert_eq!(log[1].detail["via"], "cli");
}

#[tokio::test]
async fn an_answer_needs_something_to_be_about() {
    let home = home().await;
    let ask = ruling("a.example", None, true, RulingScope::Job);
    let missing = home.store.rule_egress(JobId(99), ask).await;
    assert!(
        matches!(missing, Err(StoreError::NotFound { .. })),
        "{missing:?}"
    );
    let claim = home.waiting().await;
    home.store
        .decide(claim.job.id, answer(Decision::Rejected, "ann"))
        .await
        .unwrap();
    let once = ruling("a.example", None, true, RulingScope::Run);
    let none = home.store.rule_egress(claim.job.id, once).await;
    assert!(matches!(none, Err(StoreError::Invalid { .. })), "{none:?}");
}

#[tokio::test]
async fn a_no_is_not_pushed_out_by_newer_answers() {
    let home = home().await;
    let claim = home.executing().await;
    let store = &home.store;
    let job = claim.job.id;
    let ask =
        |host: String, allow, scope| store.rule_egress(job, ruling(&host, None, allow, scope));
    let never = ask("never.example".into(), false, RulingScope::Project).await;
    let never = never.unwrap();
    // The same again and again counts once.
    let mut again = tokio::task::JoinSet::new();
    for n in 0..limits::MAX_EGRESS_RULINGS + 20 {
        let store = store.clone();
        let same = ruling("a.example", None, n % 2 == 0, RulingScope::Project);
        again.spawn(async move { store.rule_egress(job, same).await });
    }
    while let Some(given) = again.join_next().await {
        given.expect("it does not panic").unwrap();
    }
    let counting = store.egress_rulings(job, None).await.unwrap();
    assert_eq!(counting.len(), 3, "{counting:?}");
    assert_eq!(counting[2], never);
    // Others fill their part, and no more.
    for scope in [RulingScope::Project, RulingScope::Job] {
        let mut others = tokio::task::JoinSet::new();
        for n in 0..limits::MAX_EGRESS_RULINGS {
            let store = store.clone();
            let other = ruling(&format!("h{n}.example"), None, true, scope);
            others.spawn(async move { store.rule_egress(job, other).await });
        }
        let mut refused = 0;
        while let Some(given) = others.join_next().await {
            match given.expect("it does not panic") {
                Ok(_) => {}
                Err(StoreError::Invalid { detail, .. }) => {
                    assert!(detail.contains("[egress]"), "{detail}");
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        let room = limits::MAX_EGRESS_RULINGS / 2;
        let taken = if scope == RulingScope::Project { 3 } else { 0 };
        assert_eq!(
            refused,
            limits::MAX_EGRESS_RULINGS - (room - taken),
            "{scope}"
        );
    }
    let counting = store.egress_rulings(job, None).await.unwrap();
    assert_eq!(counting.len(), limits::MAX_EGRESS_RULINGS as usize);
    assert!(counting.contains(&never));
    // What was answered before may be answered again.
    let again = ask("never.example".into(), false, RulingScope::Project).await;
    again.unwrap();
}

#[tokio::test]
async fn what_was_answered_for_a_run_that_is_over_takes_no_place() {
    let home = home().await;
    let store = &home.store;
    let first = home.executing().await;
    let job = first.job.id;
    let never = ruling("never.example", None, false, RulingScope::Project);
    let never = store.rule_egress(job, never).await.unwrap();
    let room = limits::MAX_EGRESS_RULINGS / 2;
    let fill = async || {
        let mut once = tokio::task::JoinSet::new();
        for n in 0..room {
            let store = store.clone();
            let other = ruling(&format!("h{n}.example"), None, true, RulingScope::Run);
            once.spawn(async move { store.rule_egress(job, other).await });
        }
        while let Some(given) = once.join_next().await {
            given.expect("it does not panic").unwrap();
        }
    };
    fill().await;
    let one_more = ruling("more.example", None, true, RulingScope::Job);
    let refused = store.rule_egress(job, one_more.clone()).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    store.cancel(job, "ann", "cli").await.unwrap();
    assert_eq!(
        store.egress_rulings(job, None).await.unwrap(),
        std::slice::from_ref(&never)
    );
    store.retry(job, NewRetry::of("ann", "cli")).await.unwrap();
    let second = store.claim(crate::support::PLENTY).await.unwrap().unwrap();
    fill().await;
    let counting = store
        .egress_rulings(job, Some(second.run.id))
        .await
        .unwrap();
    assert_eq!(counting.len(), room as usize + 1);
    assert!(counting.contains(&never), "it is older than both runs'");
    let refused = store.rule_egress(job, one_more).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    // What was said stays written down.
    let kinds = home.kinds(job).await;
    let allowed = kinds.iter().filter(|kind| *kind == "egress.allowed");
    assert_eq!(allowed.count(), 2 * room as usize);
}
