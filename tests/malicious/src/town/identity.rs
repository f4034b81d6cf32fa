//! Guests that act in the name of others: of people, and of other plugins.

use sortie_guests::answers::{self, tell};
use sortie_guests::{connector_wat, data};

use super::attack::{Attack, connector};

const AT: &str = "(i32.const 4096)";
const KEY: &str = "(i32.const 2048) (i32.const 6)";
const VALUE: &str = "(i32.const 131072) (i32.const 600)";

/// An answer whose error begins four bytes in.
const NARROW: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4100))
    (i32.load (i32.const 4104)) (i32.load (i32.const 4108)))";
/// An answer whose success, or whose error, is a number of eight bytes.
const NUMBER: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
    (i32.load (i32.const 4108)) (i32.load (i32.const 4112)))";
const KV_ANSWER: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
    (i32.load (i32.const 4112)) (i32.load (i32.const 4116)))";

const JOBS: &str = r#"
  (import "sortie:host/jobs@0.1.0" "submit" (func $submit (param i32 i32)))
  (import "sortie:host/jobs@0.1.0" "cancel" (func $cancel (param i64 i32)))
  (import "sortie:host/jobs@0.1.0" "retry" (func $retry (param i64 i32)))
  (import "sortie:host/jobs@0.1.0" "get" (func $get (param i64 i32)))
  (import "sortie:host/jobs@0.1.0" "newest" (func $newest (param i32 i32 i32 i32 i32)))
  (import "sortie:host/jobs@0.1.0" "decide"
    (func $decide (param i64 i32 i32 i32 i32 i32 i32 i32 i32)))
"#;

const KV: &str = r#"
  (import "sortie:host/kv@0.1.0" "get" (func $kv-get (param i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "set" (func $kv-set (param i32 i32 i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "delete" (func $kv-delete (param i32 i32 i32)))
  (import "sortie:host/kv@0.1.0" "keys" (func $kv-keys (param i32 i32 i32 i32 i32 i32 i32)))
"#;

const CHAT: &str = r#"
  (import "sortie:host/chat@0.1.0" "send" (func $say
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "sortie:host/chat@0.1.0" "edit" (func $edit
    (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "sortie:host/chat@0.1.0" "remove" (func $remove (param i64 i32)))
  (import "sortie:host/chat@0.1.0" "acknowledge" (func $ack (param i32 i32 i32 i32 i32 i32)))
"#;

const TELEGRAM: &str = "chat.sources = [\"telegram\"]";

pub(super) fn attacks() -> Vec<Attack> {
    let mut attacks = jobs();
    attacks.extend(keys());
    attacks.extend(messages());
    attacks
}

/// The submission of `a task` to `shop` under the key `secret`, at 5120.
fn submission() -> String {
    let mut record = [0_u32; 23];
    // The project: there, its address, its length; no repository; the task.
    record[..8].copy_from_slice(&[1, 3_000, 4, 0, 0, 0, 3_004, 6]);
    record[20..].copy_from_slice(&[1, 2_048, 6]);
    let bytes: Vec<u8> = record.iter().flat_map(|n| n.to_le_bytes()).collect();
    data(5_120, bytes) + &data(3_000, "shopa task")
}

fn jobs() -> Vec<Attack> {
    let guest = |body: &str| {
        let extra = tell(&answers::JOBS_ERRORS) + &submission() + &data(2_048, "secret");
        connector(&connector_wat(JOBS, &extra, body))
    };
    let without = |name: &'static str, tries: &'static str, call: &str| {
        Attack::new(name, tries, "denied", guest(call), "jobs.allow = []")
    };
    let submit = format!("(call $submit (i32.const 5120) {AT}) {NUMBER}");
    let decide = format!(
        "(call $decide (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) {AT}) {NARROW}"
    );
    let trap = format!("(call $submit (i32.const 5120) {AT}) unreachable");
    let may_submit = "jobs.allow = [\"submit\"]";
    vec![
        without("submit-without-a-grant", "to submit a job", &submit),
        without(
            "cancel-without-a-grant",
            "to cancel somebody's job",
            &format!("(call $cancel (i64.const 1) {AT}) {NARROW}"),
        ),
        without(
            "retry-without-a-grant",
            "to start somebody's job again",
            &format!("(call $retry (i64.const 1) {AT}) {NARROW}"),
        ),
        without(
            "read-without-a-grant",
            "to read somebody's job",
            &format!("(call $get (i64.const 1) {AT}) {NUMBER}"),
        ),
        without(
            "list-without-a-grant",
            "to list everybody's jobs",
            &format!(
                "(call $newest (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) {AT}) {NARROW}"
            ),
        ),
        without(
            "approve-without-a-grant",
            "to approve somebody's job",
            &decide,
        ),
        Attack::new(
            "approve-without-a-sender",
            "to approve a job on an event that nobody is verified for",
            "denied",
            guest(&decide),
            "jobs.allow = [\"decide\", \"read\"]",
        )
        .hearing("only a verified sender"),
        Attack::new(
            "anothers-idempotency-key",
            "to be given the job that another plugin submitted under the same key",
            "ok",
            guest(&submit),
            may_submit,
        )
        .after(guest(&submit), may_submit)
        // One each.
        .leaving_jobs(2),
        Attack::new(
            "jobs-of-a-call-that-fails",
            "to submit a job and trap: nothing is left of it",
            "failed call",
            guest(&trap),
            may_submit,
        ),
    ]
}

fn keys() -> Vec<Attack> {
    let guest = |names: &[&str], body: &str| {
        let extra = tell(names) + &data(2_048, "secret") + &data(2_100, "other.");
        connector(&connector_wat(KV, &extra, body))
    };
    let set = format!("(call $kv-set {KEY} {VALUE} {AT})");
    let set_other = format!("(call $kv-set (i32.const 2100) (i32.const 6) {VALUE} {AT})");
    let delete = format!("(call $kv-delete {KEY} {AT})");
    let delete_other = format!("(call $kv-delete (i32.const 2100) (i32.const 6) {AT})");
    let ann = || guest(&answers::KV_ERRORS, &format!("{set} {KV_ANSWER}"));
    let small = "limits.kv_bytes = 1000";
    let quota = |name: &'static str, tries: &'static str, calls: &[&str]| {
        let body = format!("{} {KV_ANSWER}", calls.join(" "));
        Attack::new(
            name,
            tries,
            "quota",
            guest(&answers::KV_ERRORS, &body),
            small,
        )
    };
    vec![
        Attack::new(
            "anothers-key",
            "to read what another plugin keeps under a key",
            "nothing",
            guest(
                &["nothing"],
                &format!(
                    "(call $kv-get {KEY} {AT})
                     (call $tell (i32.eqz (i32.load8_u (i32.const 4096))) (i32.const 0)
                       (i32.const 0) (i32.const 0))"
                ),
            ),
            "",
        )
        .after(ann(), ""),
        Attack::new(
            "anothers-keys",
            "to list the keys of another plugin",
            "nothing",
            guest(
                &["nothing"],
                &format!(
                    "(call $kv-keys (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                       (i32.const 0) (i32.const 1000) {AT})
                     (call $tell (i32.eqz (i32.load (i32.const 4100))) (i32.const 0)
                       (i32.const 0) (i32.const 0))"
                ),
            ),
            "",
        )
        .after(ann(), ""),
        quota(
            "quota",
            "two values that only fit one at a time",
            &[&set, &set_other],
        ),
        quota(
            "quota-by-set-and-delete",
            "to make room by deleting a key twice",
            &[&set, &delete, &delete, &set, &set_other],
        ),
        quota(
            "quota-by-deleting-what-is-not-there",
            "to earn room by deleting keys that are not there",
            &[
                &delete,
                &delete_other,
                &delete,
                &delete_other,
                &set,
                &set_other,
            ],
        ),
        quota(
            "quota-by-setting-again",
            "to hide a value behind others of the same key",
            &[&set, &set, &set, &set_other],
        ),
        Attack::new(
            "keys-of-a-call-that-fails",
            "to set a key and trap: nothing is left of it",
            "failed call",
            guest(&answers::KV_ERRORS, &format!("{set} unreachable")),
            "",
        ),
    ]
}

fn messages() -> Vec<Attack> {
    let guest = |body: &str| {
        let extra = tell(&answers::CHAT_ERRORS) + &data(2_048, "telegram") + &data(2_100, "secret");
        connector(&connector_wat(CHAT, &extra, body))
    };
    let text = "(i32.const 2100) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)";
    let say = format!(
        "(call $say (i32.const 2048) (i32.const 8) (i32.const 2100) (i32.const 6)
           (i32.const 0) (i32.const 0) (i32.const 0) {text} {AT}) {NUMBER}"
    );
    // Numbers are given out from 1 on; whichever it was is among the first.
    let every = |call: &str| {
        format!(
            "(local $n i64)
             (loop $again
               (local.set $n (i64.add (local.get $n) (i64.const 1)))
               {call}
               (if (i32.eqz (i32.load8_u (i32.const 4096))) (then unreachable))
               (br_if $again (i64.lt_u (local.get $n) (i64.const 50))))
             {NARROW}"
        )
    };
    let edit = every(&format!("(call $edit (local.get $n) {text} {AT})"));
    let remove = every(&format!("(call $remove (local.get $n) {AT})"));
    let ack = format!(
        "(call $ack (i32.const 2100) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) {AT})
         {NARROW}"
    );
    vec![
        Attack::new(
            "message-without-a-grant",
            "to send a message",
            "denied",
            guest(&say),
            "",
        ),
        Attack::new(
            "press-without-a-grant",
            "to acknowledge a press",
            "denied",
            guest(&ack),
            "",
        ),
        Attack::new(
            "anothers-message-edited",
            "to edit what another plugin sent, by number",
            "not-found",
            guest(&edit),
            TELEGRAM,
        )
        .after(guest(&say), TELEGRAM),
        Attack::new(
            "anothers-message-removed",
            "to remove what another plugin sent, by number",
            "not-found",
            guest(&remove),
            TELEGRAM,
        )
        .after(guest(&say), TELEGRAM),
    ]
}
