//! The plans of the queries that run all the time: each has to be a search in
//! an index that holds open jobs alone, or to end after its page. A scan would
//! pass every other test and be found out by a million rows.

use super::jobs::PAGE_OF_PLACE;
use super::lease::{FIRST_OF_PROJECT, LEASED_RUNS, PROJECTS_RUNNING};
use super::state::OPEN_RUN;
use super::timeline::AFTER_OF_JOB;
use super::unanswered::{EXPIRED, NEXT_EXPIRY, REMINDED};
use super::{
    audit, buttons, chat, chats, deliveries, egress, events, host, inbound, ledger, model_calls,
    outbox, outgoing, spending, stats, threads,
};
use rusqlite::{Connection, types::Null};

fn plan(sql: &str) -> String {
    let mut conn = Connection::open_in_memory().unwrap();
    crate::migrate::to_latest(&mut conn).unwrap();
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let params = vec![Null; statement.parameter_count()];
    let lines = statement
        .query_map(rusqlite::params_from_iter(params), |row| {
            row.get::<_, String>(3)
        })
        .unwrap();
    lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_queue_is_searched_never_scanned() {
    assert_eq!(
        plan(FIRST_OF_PROJECT),
        "SEARCH jobs USING COVERING INDEX jobs_due (phase=? AND project_id=? AND due_at<?)"
    );
    let running = plan(PROJECTS_RUNNING);
    assert!(
        running.ends_with("SEARCH j USING COVERING INDEX jobs_place (phase=? AND project_id=?)"),
        "{running}"
    );
}

#[test]
fn leased_runs_are_found_among_the_open_ones() {
    assert!(plan(LEASED_RUNS).starts_with("SCAN runs USING INDEX runs_open;"));
    assert!(plan(OPEN_RUN).contains("(job_id=?"));
    let under_way = plan(ledger::UNDER_WAY);
    assert!(!under_way.contains("SCAN"), "{under_way}");
}

#[test]
fn expiry_looks_at_open_questions_alone() {
    assert!(plan(NEXT_EXPIRY).contains("INDEX approvals_expiry"));
    assert_eq!(
        plan(EXPIRED),
        "SEARCH approvals USING INDEX approvals_expiry (expires_at<?)"
    );
}

#[test]
fn pages_end_where_they_are_full() {
    assert_eq!(
        plan(PAGE_OF_PLACE),
        "SEARCH jobs USING COVERING INDEX jobs_place (phase=? AND project_id=? AND rowid<?)"
    );
    assert_eq!(
        plan(AFTER_OF_JOB),
        "SEARCH events USING INDEX events_job (job_id=? AND rowid>?)"
    );
}

#[test]
fn what_is_due_is_found_among_the_heads_of_lines() {
    let due = plan(inbound::DUE);
    assert!(
        due.starts_with("SEARCH e USING INDEX plugin_events_due (plugin=? AND due_at<?)"),
        "{due}"
    );
    let due = plan(deliveries::DUE);
    assert!(
        due.starts_with("SEARCH d USING INDEX deliveries_due (notifier=? AND due_at<?)"),
        "{due}"
    );
    assert!(!due.contains("TEMP B-TREE"), "{due}");
    assert_eq!(
        plan(inbound::FIRST_WAITING),
        "SEARCH plugin_events USING INDEX plugin_events_open (plugin=? AND state=? AND source=?)"
    );
    assert!(
        plan(inbound::OPEN_UP_TO)
            .contains("INDEX plugin_events_open (plugin=? AND state=? AND source=?)")
    );
    assert_eq!(
        plan(deliveries::FIRST_WAITING),
        "SEARCH deliveries USING INDEX deliveries_open (notifier=? AND state=? AND job_id=?)"
    );
}

#[test]
fn an_event_looks_at_subscriptions_and_heads_alone() {
    assert_eq!(
        plan(deliveries::FAN_OUT),
        "SCAN s; CORRELATED SCALAR SUBQUERY 1; \
         SEARCH d USING INDEX deliveries_head (notifier=? AND job_id=?)"
    );
}

#[test]
fn pruning_begins_with_the_oldest() {
    for (sql, index) in [
        (events::SETTLED, "plugin_events_settled"),
        (outgoing::SETTLED, "deliveries_settled"),
    ] {
        let plan = plan(sql);
        assert!(
            plan.contains(&format!("INDEX {index} (settled_at<?)")),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn a_page_of_the_audit_log_is_the_end_of_a_stretch() {
    assert_eq!(
        plan(audit::PAGE_OF_ACTION),
        "SEARCH audit USING COVERING INDEX audit_action (action=? AND rowid<?)"
    );
    assert_eq!(
        plan(audit::PAGE_OF_SUBJECT),
        "SEARCH audit USING COVERING INDEX audit_subject (subject=? AND action=? AND rowid<?)"
    );
    assert!(plan(audit::NEXT_ACTION).contains("audit_action (action>?)"));
    assert!(plan(audit::NEXT_ACTION_OF_SUBJECT).contains("(subject=? AND action>?)"));
}

#[test]
fn a_reservation_looks_at_calls_under_way_and_at_one_day() {
    assert_eq!(
        plan(model_calls::OPEN_OF_RUN),
        "SEARCH model_calls USING COVERING INDEX model_calls_open (run_id=?)"
    );
    assert_eq!(
        plan(model_calls::OF_DAY),
        "SEARCH model_days USING PRIMARY KEY (day=?)"
    );
    assert!(plan(model_calls::ALL_OPEN).contains("INDEX model_calls_open"));
    assert!(plan(spending::BY_JOB).contains("INDEX model_calls_at (reserved_at>?)"));
}

#[test]
fn a_chat_source_reads_its_own_queue() {
    let queue = plan(outbox::QUEUE);
    assert!(
        queue.starts_with(
            "SEARCH o USING INDEX chat_outbox_source (source=? AND state=? AND rowid>?)"
        ),
        "{queue}"
    );
}

#[test]
fn threads_are_found_by_their_own_indexes() {
    assert_eq!(
        plan(threads::RELEASE),
        "SEARCH jobs USING COVERING INDEX jobs_behind (behind=?)"
    );
    let end = plan(threads::LINE_END);
    assert!(end.contains("INDEX jobs_thread (thread_id=?)"), "{end}");
    assert!(end.contains("INDEX jobs_behind (behind=?)"), "{end}");
    assert!(plan(threads::BEFORE).contains("INDEX jobs_thread (thread_id=? AND rowid<?)"));
}

#[test]
fn chats_and_reminders_look_at_what_is_open() {
    assert!(plan(REMINDED).contains("INDEX approvals_reminder (remind_at>? AND remind_at<?)"));
    assert!(plan(NEXT_EXPIRY).contains("INDEX approvals_reminder"));
    assert_eq!(
        plan(chat::WAITING_EDIT),
        "SEARCH chat_outbox USING INDEX chat_outbox_message (number=?)"
    );
    assert!(plan(buttons::BUTTON).starts_with("SEARCH b USING PRIMARY KEY (token=?)"));
    assert!(plan(buttons::OLD).contains("INDEX chat_buttons_expiry (expires_at<?)"));
    assert!(plan(chats::STRANGE).contains("INDEX chats_strange (source=? AND strange_at>?)"));
    let unsent = plan(chat::UNSENT);
    assert!(
        unsent.contains("INDEX chat_outbox_sends (source=? AND state=?)"),
        "{unsent}"
    );
    for on_their_way in [outbox::SENDING, outbox::TAKE_PERMITS] {
        let plan = plan(on_their_way);
        assert!(
            plan.contains("INDEX chat_outbox_floor (source=? AND state=?)"),
            "{plan}"
        );
    }
    let superseded = plan(deliveries::SUPERSEDED);
    assert!(
        superseded.contains("INDEX deliveries_open (notifier=? AND state=? AND job_id=?)"),
        "{superseded}"
    );
}

#[test]
fn statistics_look_at_their_stretch_of_time_alone() {
    assert!(plan(host::HALTS).contains("INDEX events_halted (at>?)"));
    assert!(plan(stats::ENDED).contains("INDEX jobs_finished (finished_at>?)"));
    assert!(plan(stats::ENDED_LINES).contains("INDEX jobs_finished (finished_at>?)"));
    assert!(plan(stats::SPENT).contains("INDEX model_calls_at (reserved_at>?)"));
}

#[test]
fn what_a_run_may_reach_is_found_without_a_walk() {
    let rulings = plan(egress::rulings::RULINGS);
    assert!(
        rulings.contains("egress_rulings USING INDEX egress_rulings_job (job_id=?)")
            && rulings.contains("egress_rulings USING INDEX egress_rulings_project (project_id=?)"),
        "{rulings}"
    );
    assert_eq!(
        plan(egress::connections::USED),
        "SEARCH egress_connections USING INDEX egress_connections_run (run_id=?)"
    );
    assert_eq!(
        plan(egress::connections::CONNECTIONS),
        "SEARCH egress_connections USING INDEX egress_connections_job (job_id=? AND rowid<?)"
    );
    assert!(plan(egress::ASKS_OF_JOB).contains("(job_id=?)"));
    let closed = plan(egress::ASKS_SINCE_RETRY);
    assert!(closed.contains("(job_id=?"), "{closed}");
    let open = plan(egress::ASKS_OPEN);
    assert!(open.contains("INDEX jobs_place (phase=?)"), "{open}");
}

#[test]
fn another_page_is_read_by_the_same_plan() {
    let dir = tempfile::tempdir().unwrap();
    let wait = std::time::Duration::ZERO;
    let conn = crate::db::open_writer(&dir.path().join("plans.db"), wait).unwrap();
    let mut statement = conn
        .prepare("SELECT name FROM sqlite_schema LIMIT ?1")
        .unwrap();
    for limit in [1, 2, 3] {
        let mut rows = statement.query([limit]).unwrap();
        while rows.next().unwrap().is_some() {}
    }
    let again = statement.get_status(rusqlite::StatementStatus::RePrepare);
    assert_eq!(again, 0);
}
