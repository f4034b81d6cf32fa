use super::*;
use crate::bindings::sortie::connector::events::Sender;
use crate::fake::{Fake, job};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn event(payload: Payload, owner: bool) -> Event {
    Event {
        id: 1,
        source: "telegram".into(),
        received_at_ms: 0,
        attempt: 1,
        sender: Some(Sender {
            id: "7".into(),
            name: "Ana".into(),
            owner,
        }),
        payload,
    }
}

fn message(text: &str) -> ChatMessage {
    ChatMessage {
        place: at(true),
        message: "100".into(),
        text: text.into(),
        reply_to: None,
        reply_to_number: None,
        edited: false,
    }
}

fn at(private: bool) -> ChatPlace {
    ChatPlace {
        chat: "-5".into(),
        thread: Some("3".into()),
        private,
    }
}

fn says(world: &mut Fake, text: &str) -> Result<(), String> {
    let payload = Payload::Message(message(text));
    receive(event(payload, true), Some("site".into()), world)
}

fn presses(world: &mut Fake, action: &str, owner: bool) -> String {
    let press = ChatPress {
        place: at(true),
        interaction: "i1".into(),
        number: Some(1),
        action: action.into(),
    };
    receive(event(Payload::Press(press), owner), None, world).expect("it is handled");
    let (interaction, note) = world.acknowledged.pop().expect("it is acknowledged");
    assert_eq!(interaction, "i1");
    note
}

#[test]
fn a_task_is_a_job_with_a_message_that_is_remembered() {
    let mut world = Fake::default();
    says(&mut world, "/task budget=deep Fix it").expect("handled");
    let submitted = &world.submitted[0];
    assert_eq!(submitted.project.as_deref(), Some("site"));
    assert_eq!(submitted.budget.as_deref(), Some("deep"));
    assert_eq!(submitted.task, "Fix it");
    let key = submitted.idempotency_key.as_deref();
    assert_eq!(key, Some("telegram/-5/100"));
    let (place, reply) = &world.sent[0];
    assert_eq!(
        (place.chat.as_str(), place.thread.as_deref()),
        ("-5", Some("3"))
    );
    assert_eq!(reply.reply_to, Some(Answered::Message("100".into())));
    assert_eq!(memory::of_job(&mut world, 1).expect("kept").number, 1);

    // The same message again: the same job, and nothing said twice.
    says(&mut world, "/task budget=deep Fix it").expect("handled");
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_named_project_is_taken_before_the_usual_one() {
    let mut world = Fake::default();
    says(&mut world, "/task project=docs Fix it").expect("handled");
    assert_eq!(world.submitted[0].project.as_deref(), Some("docs"));
}

#[test]
fn a_job_is_cancelled_by_number_or_by_answering_its_message() {
    let mut world = Fake::default();
    says(&mut world, "/task Fix it").expect("handled");
    says(&mut world, "/cancel 1").expect("handled");
    let mut answer = message("/cancel");
    answer.reply_to = Some("200".into());
    answer.reply_to_number = Some(1);
    receive(event(Payload::Message(answer), true), None, &mut world).expect("handled");
    assert_eq!(world.cancelled, [1, 1]);
    says(&mut world, "/cancel").expect("handled");
    assert!(world.last_text().starts_with("Name the job"));
    assert_eq!(world.cancelled.len(), 2);
}

#[test]
fn status_shows_one_or_the_newest() {
    let mut world = Fake::default();
    says(&mut world, "/status").expect("handled");
    assert_eq!(world.last_text(), "There are no jobs yet.");
    world.jobs.insert(4, job(4, "running"));
    world.jobs.insert(5, job(5, "queued"));
    says(&mut world, "/status").expect("handled");
    assert_eq!(
        world.last_text(),
        "#5 site: queued. Fix it\n#4 site: running. Fix it"
    );
    says(&mut world, "/status 4").expect("handled");
    assert_eq!(world.last_text(), "#4 site: running. Fix it");
    says(&mut world, "/status 6").expect("handled");
    assert_eq!(world.last_text(), "There is no such job.");
}

#[test]
fn who_is_no_owner_moves_nothing() {
    let mut world = Fake::default();
    world.jobs.insert(4, job(4, "running"));
    for text in ["/task x", "/status", "/cancel 4"] {
        let stranger = event(Payload::Message(message(text)), false);
        receive(stranger, Some("site".into()), &mut world).expect("handled");
        assert_eq!(world.last_text(), NOT_AN_OWNER);
    }
    let nobody = Event {
        sender: None,
        ..event(Payload::Message(message("/cancel 4")), true)
    };
    receive(nobody, None, &mut world).expect("handled");
    let action = format!("approve:4:{}", &COMMIT[..32]);
    assert_eq!(presses(&mut world, &action, false), NOT_AN_OWNER);
    assert!(world.submitted.is_empty() && world.cancelled.is_empty() && world.decided.is_empty());
}

#[test]
fn a_group_hears_nothing_about_what_was_not_said_to_the_bot() {
    let mut world = Fake::default();
    let mut chatter = message("good morning");
    chatter.place = at(false);
    receive(event(Payload::Message(chatter), true), None, &mut world).expect("handled");
    let mut edited = message("/task Fix it");
    edited.edited = true;
    receive(event(Payload::Message(edited), true), None, &mut world).expect("handled");
    assert!(world.sent.is_empty() && world.submitted.is_empty());
    says(&mut world, "good morning").expect("handled");
    assert_eq!(world.last_text(), words::HELP);
}

#[test]
fn a_press_decides_exactly_the_commit_that_was_shown() {
    let mut world = Fake::default();
    let mut asking = job(4, "needs_review");
    asking.asked_commit = Some(COMMIT.into());
    world.jobs.insert(4, asking);
    let approve = format!("approve:4:{}", &COMMIT[..32]);
    let reject = format!("reject:4:{}", &COMMIT[..32]);
    assert_eq!(presses(&mut world, &approve, true), "Approved.");
    assert_eq!(presses(&mut world, &reject, true), "Rejected.");
    assert_eq!(
        world.decided,
        [
            (4, Decision::Approve, COMMIT.to_owned()),
            (4, Decision::Reject, COMMIT.to_owned())
        ]
    );

    let other = format!("approve:4:{}", "f".repeat(32));
    assert!(presses(&mut world, &other, true).contains("another commit"));
    world.jobs.insert(4, job(4, "succeeded"));
    assert!(presses(&mut world, &approve, true).contains("asks nothing"));
    assert!(presses(&mut world, "burn:4:x", true).contains("another time"));
    assert_eq!(world.decided.len(), 2);
}

#[test]
fn a_refusal_is_told_and_trouble_is_an_error() {
    let mut world = Fake {
        refusal: Some(Error::Invalid("no project nowhere".into())),
        ..Fake::default()
    };
    says(&mut world, "/task project=nowhere x").expect("handled");
    assert_eq!(world.last_text(), "no project nowhere");
    world.refusal = Some(Error::Other("the disk is full".into()));
    assert_eq!(says(&mut world, "/task x"), Err("the disk is full".into()));
    assert_eq!(world.sent.len(), 1, "nothing is said about it");
}

#[test]
fn what_comes_from_another_source_is_ignored() {
    let mut world = Fake::default();
    let press = Payload::Press(ChatPress {
        place: at(true),
        interaction: "i1".into(),
        number: None,
        action: "approve".into(),
    });
    for payload in [Payload::Message(message("/task Fix it")), press] {
        let event = Event {
            source: "matrix".into(),
            ..event(payload, true)
        };
        assert_eq!(receive(event, Some("site".into()), &mut world), Ok(()));
    }
    assert!(world.submitted.is_empty() && world.sent.is_empty());
    assert!(world.acknowledged.is_empty());
}
