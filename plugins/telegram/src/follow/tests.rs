use super::*;
use crate::bindings::sortie::host::chat::Answered;
use crate::fake::{Fake, job};
use serde_json::json;

fn options() -> Options {
    Options {
        chat: Some("-9".into()),
        ..Options::read(|_| None)
    }
}

fn event(seq: u64, kind: &str, data: &Value, job: View) -> Notification {
    Notification {
        seq,
        at_ms: 0,
        kind: kind.into(),
        data: data.to_string(),
        job,
    }
}

fn told(desk: &mut Fake, seq: u64, kind: &str, data: Value) -> Receipt {
    let state = kind.strip_prefix("job.").unwrap_or("running");
    let event = event(seq, kind, &data, job(4, state));
    notify(&event, &options(), desk).expect("told")
}

#[test]
fn one_message_follows_the_job_and_its_end_is_another() {
    let mut desk = Fake::default();
    let receipt = told(&mut desk, 1, "job.queued", json!({}));
    assert_eq!(receipt.reference.as_deref(), Some("message 1"));
    assert_eq!(desk.sent[0].0.chat, "-9");
    told(&mut desk, 2, "job.running", json!({}));
    told(&mut desk, 3, "step.started", json!({ "step": "agent" }));
    told(&mut desk, 3, "step.started", json!({ "step": "agent" }));
    told(
        &mut desk,
        4,
        "agent.progress",
        json!({ "step": "agent", "tool": "write" }),
    );
    told(
        &mut desk,
        5,
        "job.succeeded",
        json!({ "result": { "summary": "Done" } }),
    );
    let edited: Vec<u64> = desk.edited.iter().map(|(number, _)| *number).collect();
    assert_eq!(edited, [1, 1, 1, 1]);
    assert_eq!(desk.pins, [(1, true), (1, false)]);
    assert_eq!(desk.sent.len(), 2);
    assert!(desk.last_text().contains("Done"));
    assert_eq!(memory::job_of(&mut desk, 2), Some(4));
}

#[test]
fn a_repetition_says_nothing_again() {
    let mut desk = Fake::default();
    told(&mut desk, 7, "job.failed", json!({}));
    let sent = desk.sent.len();
    told(&mut desk, 7, "job.failed", json!({}));
    assert_eq!(desk.sent.len(), sent);
}

#[test]
fn a_job_of_nobody_here_is_told_at_home_or_not_at_all() {
    let mut desk = Fake::default();
    let nowhere = Options::read(|_| None);
    let queued = event(1, "job.queued", &json!({}), job(4, "queued"));
    let receipt = notify(&queued, &nowhere, &mut desk).expect("told");
    assert_eq!(receipt.reference, None);
    assert!(desk.sent.is_empty() && desk.kv.is_empty());
    memory::settle(&mut desk, "7").expect("kept");
    notify(&queued, &nowhere, &mut desk).expect("told");
    assert_eq!(desk.sent[0].0.chat, "7");
}

#[test]
fn the_next_home_is_told_when_one_is_shut() {
    let mut desk = Fake::default();
    let nowhere = Options::read(|_| None);
    for chat in ["7", "8"] {
        memory::settle(&mut desk, chat).expect("kept");
    }
    let tell = |desk: &mut Fake, seq, kind: &str, id| {
        let event = event(seq, kind, &json!({ "by": "Ana" }), job(id, "queued"));
        notify(&event, &nowhere, desk).expect("told");
        desk.sent.last().map(|(place, _)| place.chat.clone())
    };
    assert_eq!(tell(&mut desk, 1, "job.queued", 4).as_deref(), Some("7"));
    desk.shut.push("7".into());
    let paused = tell(&mut desk, 2, "host.paused", 0);
    assert_eq!(paused.as_deref(), Some("8"));
    assert_eq!(memory::homes(&mut desk), ["8"]);
    assert_eq!(tell(&mut desk, 3, "job.queued", 5).as_deref(), Some("8"));
    // When no home takes it, it is not told, and that is no failure.
    desk.shut.push("8".into());
    let sent = desk.sent.len();
    tell(&mut desk, 4, "host.paused", 0);
    tell(&mut desk, 5, "job.queued", 6);
    assert_eq!(desk.sent.len(), sent);
    assert_eq!(memory::of_job(&mut desk, 6), None);
}

#[test]
fn a_job_of_a_chat_that_was_shut_goes_on_at_home() {
    let mut desk = Fake::default();
    let asked = Place {
        source: "telegram".into(),
        chat: "7".into(),
        thread: None,
    };
    let number = desk.send(&asked, &page("#4 is queued.")).expect("sent");
    memory::keep(&mut desk, 4, &Note::new(asked, number)).expect("kept");
    desk.shut.push("7".into());
    told(&mut desk, 2, "job.needs_review", json!({ "approval": 9 }));
    let places: Vec<&str> = desk.sent.iter().map(|(to, _)| to.chat.as_str()).collect();
    assert_eq!(
        places,
        ["7", "-9", "-9"],
        "the job's message, and the question"
    );
    let question = &desk.sent[2].1;
    assert_eq!(question.buttons.len(), 1);
    assert_eq!(question.reply_to, Some(Answered::Number(2)));
    told(&mut desk, 3, "job.approved", json!({ "approval": 9 }));
    assert_eq!(closed(&desk, desk.edited.len() - 1), [(3, 0)]);
}

#[test]
fn a_question_has_buttons_until_it_is_answered_wherever_that_was() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    let long = "+line\n".repeat(1_000);
    let found = json!([{ "severity": "block", "rule": "skip", "message": "it is skipped" }]);
    let evidence = json!({ "diff": { "text": long }, "findings": found });
    told(
        &mut desk,
        2,
        "job.needs_review",
        json!({ "approval": 9, "evidence": evidence, "commit": "0123456789abcdef" }),
    );
    assert_eq!(desk.sent[1].1.buttons[0].len(), 2);
    assert_eq!(desk.diffs, [4], "the whole change comes as a file");
    told(
        &mut desk,
        3,
        "job.approved",
        json!({ "approval": 9, "by": "Ana", "via": "cli" }),
    );
    let (number, closed) = desk.edited.last().expect("edited");
    assert_eq!((*number, closed.buttons.len()), (2, 0));
    for part in [
        "⛔ skip\\: it is skipped",
        "commit 0123456789ab",
        "Approved by Ana on the command line",
    ] {
        assert!(closed.text.contains(part), "{part} in {}", closed.text);
    }
    assert!(!closed.text.contains("+line"));
    let note = memory::of_job(&mut desk, 4).expect("a note");
    assert_eq!(note.kept, "", "it is told");
    let end = json!({ "result": { "files": 1, "paths": ["a.txt"] } });
    told(&mut desk, 4, "job.succeeded", end);
    let note = memory::of_job(&mut desk, 4).expect("a note");
    assert!(note.kept.contains("1 file: ` a.txt `"), "{}", note.kept);
}

/// Asked and reminded of: the messages 2 and 3.
fn reminded() -> Fake {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    told(&mut desk, 2, "job.needs_review", json!({ "approval": 9 }));
    told(&mut desk, 3, "approval.reminder", json!({ "approval": 9 }));
    desk
}

/// What was edited since, by number and buttons that are left.
fn closed(desk: &Fake, before: usize) -> Vec<(u64, usize)> {
    let edited = desk.edited[before..].iter();
    edited
        .map(|(number, message)| (*number, message.buttons.len()))
        .collect()
}

#[test]
fn a_reminder_is_answered_like_its_question_and_closed_with_it() {
    for (kind, data) in [
        ("job.approved", json!({ "approval": 9, "by": "Ana" })),
        ("job.rejected", json!({ "approval": 9, "by": "Ana" })),
        ("job.halted", json!({})),
        ("job.needs_review", json!({ "approval": 10 })),
    ] {
        let mut desk = reminded();
        assert!(desk.last_text().contains("still waits"));
        let (_, reminder) = &desk.sent[2];
        assert_eq!(reminder.buttons, desk.sent[1].1.buttons);
        assert_eq!(reminder.buttons[0][0].action, "answer:9:yes");
        assert_eq!(memory::job_of(&mut desk, 3), Some(4), "it is replied to");
        let before = desk.edited.len();
        told(&mut desk, 4, kind, data);
        let mut closed = closed(&desk, before);
        closed.retain(|(number, _)| *number != 1);
        assert_eq!(closed, [(2, 0), (3, 0)], "{kind}");
        let note = memory::of_job(&mut desk, 4).expect("a note");
        assert_eq!(note.reminder, None);
        // The next question is the only one that is open.
        let open = note.question.map(|(_, id)| id);
        let asked = (kind == "job.needs_review").then_some(Some(10));
        assert_eq!(open, asked, "{kind}");
    }
}

#[test]
fn a_reminder_is_closed_when_its_question_is_out_of_reach() {
    let mut desk = reminded();
    desk.gone.push(2);
    let before = desk.edited.len();
    told(&mut desk, 4, "job.approved", json!({ "approval": 9 }));
    assert_eq!(closed(&desk, before), [(1, 0), (3, 0)]);
}

#[test]
fn a_host_is_asked_about_and_the_answer_is_shown() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    let data = json!({ "ask": 3, "new": true, "host": "a.example" });
    told(&mut desk, 2, "egress.refused", data.clone());
    assert_eq!(desk.sent[1].1.buttons.concat().len(), 4);
    let mut again = data.clone();
    again["new"] = json!(false);
    told(&mut desk, 3, "egress.refused", again);
    assert_eq!(desk.sent.len(), 2, "it is asked once");
    told(
        &mut desk,
        4,
        "egress.allowed",
        json!({ "host": "a.example", "by": "Ana" }),
    );
    let (number, closed) = desk.edited.last().expect("edited");
    assert_eq!((*number, closed.buttons.len()), (2, 0));
}

#[test]
fn an_answer_about_a_port_leaves_the_others_of_its_host_open() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    for (seq, port) in [(2, 22), (3, 443)] {
        let data = json!({ "ask": seq, "new": true, "host": "a.example", "port": port });
        told(&mut desk, seq, "egress.refused", data);
    }
    let before = desk.edited.len();
    let allowed = json!({ "host": "a.example", "port": 443, "by": "Ana" });
    told(&mut desk, 4, "egress.allowed", allowed);
    let numbers = |desk: &Fake| -> Vec<u64> {
        let edited = desk.edited[before..].iter();
        edited.map(|(number, _)| *number).collect()
    };
    assert_eq!(numbers(&desk), [3]);
    let asks = json!([{ "ask": 2, "host": "a.example", "port": 22 }]);
    told(&mut desk, 5, "egress.closed", json!({ "asks": asks }));
    assert_eq!(numbers(&desk), [3, 2]);
}

#[test]
fn a_question_about_a_host_from_before_ports_were_kept_is_closed() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    let old = json!({ "ask": 2, "new": true, "host": "a.example" });
    told(&mut desk, 2, "egress.refused", old);
    let denied = json!({ "host": "a.example", "port": 443, "by": "Ana" });
    told(&mut desk, 3, "egress.denied", denied);
    assert_eq!(desk.edited.last().expect("edited").0, 2);
}

#[test]
fn a_job_that_ends_takes_its_questions_about_hosts_along() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.running", json!({}));
    for (seq, host) in [(2, "a.example"), (3, "b.example")] {
        let data = json!({ "ask": seq, "new": true, "host": host });
        told(&mut desk, seq, "egress.refused", data);
    }
    let asks = json!([{ "ask": 2, "host": "a.example" }, { "ask": 3, "host": "b.example" }]);
    told(&mut desk, 4, "egress.closed", json!({ "asks": asks }));
    let closed = desk
        .edited
        .iter()
        .map(|(number, page)| (*number, page.buttons.len()));
    assert_eq!(closed.collect::<Vec<_>>(), [(2, 0), (3, 0)]);
}

#[test]
fn a_message_that_was_deleted_is_sent_again() {
    let mut desk = Fake::default();
    told(&mut desk, 1, "job.queued", json!({}));
    desk.gone.push(1);
    told(&mut desk, 2, "job.running", json!({}));
    told(&mut desk, 3, "step.started", json!({ "step": "scan" }));
    assert_eq!(desk.sent.len(), 2);
    assert_eq!(desk.edited.last().expect("edited").0, 2);
}

#[test]
fn what_happens_to_the_host_is_told_once() {
    let mut desk = Fake::default();
    let paused = event(5, "host.paused", &json!({ "by": "Ana" }), job(0, "host"));
    notify(&paused, &options(), &mut desk).expect("told");
    notify(&paused, &options(), &mut desk).expect("told");
    assert_eq!(desk.sent.len(), 1);
    let later = event(6, "host.moved", &json!({}), job(0, "host"));
    notify(&later, &options(), &mut desk).expect("told");
    assert_eq!(desk.sent.len(), 1);
}
