use super::*;
use crate::bindings::sortie::connector::events::{ChatPress, Sender};
use crate::bindings::sortie::host::jobs::{Decision, Reach};
use crate::fake::{Fake, job};

fn options() -> Options {
    Options {
        project: Some("site".into()),
        ..Options::read(|_| None)
    }
}

fn event(payload: Payload) -> Event {
    Event {
        id: 1,
        source: "telegram".into(),
        received_at_ms: 0,
        attempt: 1,
        sender: Some(Sender {
            id: "7".into(),
            name: "Ana".into(),
            owner: true,
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

fn fake() -> Fake {
    Fake {
        projects: r#"{"projects":[
            {"name":"site","repository":"https://github.com/acme/site.git"},
            {"name":"docs","repository":"https://github.com/acme/docs.git"}
        ]}"#
        .into(),
        ..Fake::default()
    }
}

fn hears(world: &mut Fake, message: ChatMessage) {
    receive(event(Payload::Message(message)), &options(), world).expect("handled");
}

fn says(world: &mut Fake, text: &str) {
    hears(world, message(text));
}

fn presses(world: &mut Fake, action: &str) -> String {
    let press = ChatPress {
        place: at(true),
        interaction: "i1".into(),
        number: Some(1),
        action: action.into(),
    };
    receive(event(Payload::Press(press)), &options(), world).expect("it is handled");
    let (interaction, note) = world.acknowledged.pop().expect("it is acknowledged");
    assert_eq!(interaction, "i1");
    note
}

#[test]
fn a_task_is_a_job_with_a_message_that_is_remembered() {
    let mut world = fake();
    says(&mut world, "/task --budget=deep Fix it");
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
    assert_eq!(reply.text, "\\#1 is queued\\.");
    assert_eq!(memory::of_job(&mut world, 1).expect("kept").number, 1);
    assert_eq!(memory::homes(&mut world), ["-5"]);

    // The same message again: the same job, and nothing said twice.
    says(&mut world, "/task --budget=deep Fix it");
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn the_first_word_says_where_when_it_is_a_place() {
    let mut world = fake();
    for (text, project, repository, task) in [
        ("/task docs Fix it", Some("docs"), None, "Fix it"),
        ("/task acme/docs Fix it", Some("docs"), None, "Fix it"),
        (
            "/task acme/other Fix it",
            None,
            Some("https://github.com/acme/other.git"),
            "Fix it",
        ),
        ("/task project=x docs it", Some("x"), None, "docs it"),
        ("/task Fix it", Some("site"), None, "Fix it"),
        (
            "/task docs --base=main Fix it",
            Some("docs"),
            None,
            "Fix it",
        ),
        ("/task acme/docs --base=main x", Some("docs"), None, "x"),
    ] {
        says(&mut world, text);
        let submitted = world.submitted.last().expect("submitted");
        assert_eq!(submitted.project.as_deref(), project, "{text}");
        assert_eq!(submitted.repository.as_deref(), repository, "{text}");
        assert_eq!(submitted.task, task, "{text}");
    }
    let base = world.submitted.last().and_then(|job| job.base.clone());
    assert_eq!(base.as_deref(), Some("main"));
    says(&mut world, "/ask docs Why?");
    let asked = world.submitted.last().expect("submitted");
    assert_eq!(asked.workflow.as_deref(), Some("workflow-ask"));
}

#[test]
fn what_is_no_task_is_said_and_starts_nothing() {
    let mut world = fake();
    for (text, said) in [
        ("/task docs", "Say what to do in docs"),
        ("/task docs --base=main", "Say what to do in docs"),
        ("/task docs --budget quick x", "does not begin with dashes"),
        ("/task --budget quick x", "does not begin with dashes"),
        ("/task docs --project=site x", "Name one place"),
        ("/task docs --speed=9 x", "I know the settings"),
        ("/task", "echo hello"),
        ("/ask", "coding agent"),
    ] {
        says(&mut world, text);
        let answer = world.last_text();
        assert!(answer.contains(said), "{text}: {answer}");
    }
    assert!(world.submitted.is_empty());
}

#[test]
fn who_has_several_projects_and_no_usual_one_says_which() {
    let mut world = fake();
    let nothing = Options::read(|_| None);
    let said = event(Payload::Message(message("/task Fix it")));
    receive(said, &nothing, &mut world).expect("handled");
    assert!(
        world.last_text().contains("site\\, docs"),
        "{}",
        world.last_text()
    );
    assert!(world.submitted.is_empty());
}

#[test]
fn a_reply_continues_the_job_of_its_message() {
    let mut world = fake();
    says(&mut world, "/task Fix it");
    world.jobs.insert(1, job(1, "running"));
    let answer = |text: &str, number| ChatMessage {
        message: "101".into(),
        reply_to: Some("200".into()),
        reply_to_number: Some(number),
        place: at(false),
        ..message(text)
    };
    hears(&mut world, answer("Now the tests", 1));
    assert_eq!(world.followed, [(1, "Now the tests".to_owned())]);
    assert!(
        world.last_text().contains("queued behind it"),
        "{}",
        world.last_text()
    );
    assert!(memory::of_job(&mut world, 101).is_some());
    hears(&mut world, answer("Now the tests", 77));
    assert!(world.last_text().contains("no job that I know of"));
    hears(&mut world, answer("/cancel", 1));
    assert_eq!(world.moved, [("cancel", 1)]);
}

#[test]
fn jobs_are_looked_at_and_moved() {
    let mut world = fake();
    says(&mut world, "/status");
    assert!(world.last_text().contains("Nothing runs and nothing waits"));
    says(&mut world, "/list");
    assert!(world.last_text().contains("no such jobs"));
    world.jobs.insert(4, job(4, "running"));
    world.jobs.insert(5, job(5, "queued"));
    world.jobs.insert(7, job(7, "succeeded"));
    says(&mut world, "/status");
    let open = "**\\#4** site · running · Fix it\\\n**\\#5** site · queued · Fix it";
    assert_eq!(world.last_text(), open);
    says(&mut world, "/list queued");
    assert_eq!(world.last_text(), "**\\#5** site · queued · Fix it");
    says(&mut world, "/status 4");
    assert!(world.last_text().contains("running"));
    says(&mut world, "/status 6");
    assert_eq!(world.last_text(), "There is no such job\\.");
    says(&mut world, "/retry 4");
    says(&mut world, "/cancel");
    assert_eq!(world.moved, [("retry", 4)]);
    assert!(world.last_text().contains("such as \\/cancel 42"));
    says(&mut world, "/retry");
    assert!(world.last_text().contains("such as \\/retry 42"));
    for (text, part) in [
        ("/stats 7d", "7 days"),
        ("/projects", "docs"),
        ("/budget", "All projects"),
        ("/help", "\\/task"),
    ] {
        says(&mut world, text);
        assert!(
            world.last_text().contains(part),
            "{text}: {}",
            world.last_text()
        );
    }
}

#[test]
fn who_starts_is_told_who_they_are() {
    let mut world = fake();
    says(&mut world, "/start");
    let text = "Welcome, Ana: you are owner. Say /task and what to do, or /help for all that I \
                understand.";
    assert_eq!(world.last_text(), crate::md::escape(text));

    let ben = |world: &mut Fake| {
        let said = Event {
            sender: Some(Sender {
                id: "8".into(),
                name: "Ben".into(),
                owner: false,
            }),
            ..event(Payload::Message(message("/start AB12CD34")))
        };
        receive(said, &options(), world).expect("handled");
        world.last_text().to_owned()
    };
    // A host may not say what somebody is.
    assert!(ben(&mut world).starts_with(&crate::md::escape("Welcome, Ben. Say /task")));
    world.projects = r#"{"projects":[],"role":"viewer"}"#.into();
    let viewer = ben(&mut world);
    let told = crate::md::escape("Welcome, Ben: you are viewer. Say /list");
    assert!(viewer.starts_with(&told), "{viewer}");
    world.refusal = Some(Error::Denied("it may not".into()));
    assert!(ben(&mut world).starts_with(&crate::md::escape("Welcome, Ben. Say /task")));
}

#[test]
fn the_own_chat_of_who_is_an_owner_no_more_is_no_home() {
    let mut world = fake();
    says(&mut world, "/help");
    let said = event(Payload::Message(message("/help")));
    let demoted = Event {
        sender: said.sender.clone().map(|ana| Sender {
            owner: false,
            ..ana
        }),
        ..said
    };
    assert_eq!(memory::homes(&mut world), ["-5"]);
    receive(demoted, &options(), &mut world).expect("handled");
    assert!(memory::homes(&mut world).is_empty());
}

#[test]
fn nobody_known_moves_nothing() {
    let mut world = fake();
    for payload in [
        Payload::Message(message("/task Fix it")),
        Payload::Message(message("hello")),
    ] {
        let nobody = Event {
            sender: None,
            ..event(payload)
        };
        receive(nobody, &options(), &mut world).expect("handled");
    }
    assert!(world.sent.is_empty() && world.submitted.is_empty() && world.kv.is_empty());
}

#[test]
fn a_group_hears_nothing_about_what_was_not_said_to_the_bot() {
    let mut world = fake();
    for text in ["good morning", "/weather"] {
        hears(
            &mut world,
            ChatMessage {
                place: at(false),
                ..message(text)
            },
        );
    }
    hears(
        &mut world,
        ChatMessage {
            edited: true,
            ..message("/task Fix it")
        },
    );
    assert!(world.sent.is_empty() && world.submitted.is_empty());
    says(&mut world, "/taks Fix it");
    assert!(
        world.last_text().contains("Did you mean \\/task\\?"),
        "{}",
        world.last_text()
    );
    says(&mut world, "good morning");
    assert!(world.last_text().contains("\\/help"));
}

#[test]
fn a_press_does_what_it_says() {
    let mut world = fake();
    assert_eq!(presses(&mut world, "answer:9:yes"), "Approved.");
    assert_eq!(presses(&mut world, "answer:9:no"), "Rejected.");
    assert_eq!(presses(&mut world, "answer:9:more"), "Raised. It goes on.");
    assert_eq!(presses(&mut world, "answer:9:stop"), "Stopped.");
    assert_eq!(presses(&mut world, "host:3:project"), "Allowed.");
    assert_eq!(presses(&mut world, "host:3:no"), "Denied.");
    assert_eq!(presses(&mut world, "retry:4"), "#4 is queued again.");
    assert_eq!(
        presses(&mut world, "burn:4"),
        "This button is of another time."
    );
    assert_eq!(
        world.answered,
        [
            (9, Decision::Approve),
            (9, Decision::Reject),
            (9, Decision::Approve),
            (9, Decision::Reject),
        ]
    );
    assert_eq!(
        world.admitted,
        [(3, true, Reach::Project), (3, false, Reach::Job)]
    );
    world.refusal = Some(Error::Denied("Only an approver may do that.".into()));
    assert_eq!(
        presses(&mut world, "answer:9:yes"),
        "Only an approver may do that."
    );
}

#[test]
fn a_press_about_a_host_of_a_job_that_is_over_says_so() {
    let mut world = fake();
    world.jobs.insert(29, job(29, "halted"));
    memory::tie(&mut world, 1, 29).expect("kept");
    assert_eq!(
        presses(&mut world, "host:3:run"),
        "#29 is over: allow it for the job or the project."
    );
    assert!(world.admitted.is_empty(), "its buttons stay");
    assert_eq!(
        presses(&mut world, "host:3:job"),
        "Allowed, but #29 is over: /retry 29 tries it again."
    );
    assert_eq!(presses(&mut world, "host:3:no"), "Denied.");
    world.jobs.insert(29, job(29, "succeeded"));
    assert_eq!(
        presses(&mut world, "host:3:job"),
        "Allowed, but #29 is over."
    );
    world.jobs.insert(29, job(29, "running"));
    assert_eq!(presses(&mut world, "host:3:run"), "Allowed.");
}

#[test]
fn a_refusal_is_told_and_trouble_is_an_error() {
    let mut world = fake();
    world.refusal = Some(Error::Invalid("no <project>".into()));
    says(&mut world, "/task project=nowhere x");
    assert_eq!(world.last_text(), "No \\<project\\>\\.");
    world.refusal = Some(Error::Other("the disk is full".into()));
    let trouble = receive(
        event(Payload::Message(message("/task x"))),
        &options(),
        &mut world,
    );
    assert_eq!(trouble, Err("the disk is full".into()));
    assert_eq!(world.sent.len(), 1, "nothing is said about it");
}

#[test]
fn what_a_chat_asked_for_that_was_shut_since_is_done() {
    let mut world = fake();
    world.jobs.insert(4, job(4, "failed"));
    world.shut.push("-5".into());
    says(&mut world, "/task Fix it");
    says(&mut world, "/retry 4");
    assert_eq!(world.submitted.len(), 1);
    assert_eq!(world.moved, [("retry", 4)]);
    assert!(world.sent.is_empty());
}

#[test]
fn what_comes_from_another_source_is_ignored() {
    let mut world = fake();
    let foreign = Event {
        source: "matrix".into(),
        ..event(Payload::Message(message("/task Fix it")))
    };
    assert_eq!(receive(foreign, &options(), &mut world), Ok(()));
    assert!(world.submitted.is_empty() && world.sent.is_empty());
}
