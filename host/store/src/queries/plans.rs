//! The plans of the queries that run all the time: each has to be a search in
//! an index that holds open jobs alone, or to end after its page. A scan would
//! pass every other test and be found out by a million rows.

use super::jobs::PAGE_OF_PLACE;
use super::lease::{FIRST_OF_PROJECT, LEASED_RUNS, PROJECTS_RUNNING};
use super::people::{EXPIRED, NEXT_EXPIRY};
use super::state::OPEN_RUN;
use super::timeline::AFTER_OF_JOB;
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
