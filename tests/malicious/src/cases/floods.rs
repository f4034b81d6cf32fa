//! Guests that ask for little, very often, or for one thing that is very
//! large.

use sortie_guests::answers::{self, Asked};
use sortie_guests::{LOG, component, connector, data};

use super::{CONFIG, COUNT, KV, repeat};
use crate::case::{Act, Case, End};

/// Where results land.
const AT: &str = "(i32.const 4096)";

/// An answer whose error begins four bytes in.
const TELL_NARROW: &str =
    "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4100))
    (i32.load (i32.const 4104)) (i32.load (i32.const 4108)))";
/// An answer of `kv`, whose error holds a number of eight bytes.
const TELL_KV: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
    (i32.load (i32.const 4112)) (i32.load (i32.const 4116)))";
/// An answer whose success is a number of eight bytes.
const TELL_NUMBER: &str =
    "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
    (i32.load (i32.const 4108)) (i32.load (i32.const 4112)))";

const JOBS: &str = r#"
  (import "sortie:host/jobs@0.1.0" "submit" (func $submit (param i32 i32)))
  (import "sortie:host/jobs@0.1.0" "get" (func $job (param i64 i32)))
  (import "sortie:host/jobs@0.1.0" "decide"
    (func $decide (param i64 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "sortie:host/jobs@0.1.0" "newest" (func $newest (param i32 i32 i32 i32 i32)))
"#;

const CHAT: &str = r#"
  (import "sortie:host/chat@0.1.0" "send" (func $say
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
"#;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = often();
    cases.extend(large());
    cases.extend(requests());
    cases
}

fn told(name: &'static str, tries: &'static str, ends: &str, wasm: Vec<u8>) -> Case {
    Case::new(name, tries, Act::Receive, End::told(ends), wasm).with_cpu_ms(5_000)
}

/// The submission at 5120 with a task of six bytes.
fn submission() -> String {
    let mut record = [0_u8; 92];
    record[24..28].copy_from_slice(&128_u32.to_le_bytes());
    record[28..32].copy_from_slice(&6_u32.to_le_bytes());
    data(5_120, record)
}

/// A message of six bytes to a place; `reply_to` is a pointer and a length.
fn say(reply_to: Option<(u32, u32)>) -> String {
    let (at, len) = reply_to.unwrap_or_default();
    format!(
        "(call $say (i32.const 128) (i32.const 6) (i32.const 128) (i32.const 6)
           (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 128) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const {}) (i32.const {at}) (i32.const {len}) (i32.const 0) {AT})",
        u8::from(reply_to.is_some())
    )
}

fn often() -> Vec<Case> {
    let flood = |name, tries, imports: &str, call: &str| {
        let body = format!("(loop $l {call} (br $l)) unreachable");
        let wasm = connector(imports, "", &body);
        Case::receive(name, tries, "HostCallLimit", wasm).with_cpu_ms(5_000)
    };
    let key = "(i32.const 96) (i32.const 1)";
    // Keys of four bytes below 64, all different.
    let keys = repeat(
        1_001,
        &format!(
            "(i32.store8 (i32.const 5000) (i32.and (global.get $count) (i32.const 63)))
             (i32.store8 (i32.const 5001) (i32.shr_u (global.get $count) (i32.const 6)))
             (call $kv-set (i32.const 5000) (i32.const 4) (i32.const 128) (i32.const 6) {AT})"
        ),
    );
    let jobs = repeat(101, &format!("(call $submit (i32.const 5120) {AT})"));
    let messages = repeat(101, &say(None));
    let counted = |errors: &[&str]| format!("{COUNT}{}", answers::tell(errors));
    vec![
        flood(
            "flood-of-config-reads",
            "`config.get` for ever",
            CONFIG,
            &format!("(call $config {key} {AT})"),
        ),
        flood(
            "flood-of-key-reads",
            "`kv.get` for ever",
            KV,
            &format!("(call $kv-get {key} {AT})"),
        ),
        flood(
            "flood-of-job-reads",
            "`jobs.get` for ever",
            JOBS,
            &format!("(call $job (i64.const 1) {AT})"),
        ),
        Case::receive(
            "flood-of-log-lines",
            "log lines for ever",
            "LogLimit",
            connector(
                LOG,
                "",
                "(loop $l (call $log (i32.const 3) (i32.const 128) (i32.const 6)) (br $l))
                 unreachable",
            ),
        ),
        told(
            "flood-of-keys",
            "a thousand and one keys in one call",
            "other",
            connector(
                KV,
                &counted(&answers::KV_ERRORS),
                &format!("{keys} {TELL_KV}"),
            ),
        ),
        told(
            "flood-of-jobs",
            "a hundred and one jobs in one call",
            "denied",
            connector(
                JOBS,
                &(counted(&answers::JOBS_ERRORS) + &submission()),
                &format!("{jobs} {TELL_NUMBER}"),
            ),
        ),
        told(
            "flood-of-messages",
            "a hundred and one messages in one call",
            "denied",
            connector(
                CHAT,
                &counted(&answers::CHAT_ERRORS),
                &format!("{messages} {TELL_NUMBER}"),
            ),
        ),
    ]
}

/// One thing that is too large for its place. Its text is memory that nobody
/// has touched: NULs, which are valid UTF-8.
fn large() -> Vec<Case> {
    let grow = "(drop (memory.grow (i32.const 60)))";
    let huge = "(i32.const 196608) (i32.const 3000000)";
    let kv = answers::tell(&answers::KV_ERRORS);
    let jobs = answers::tell(&answers::JOBS_ERRORS);
    let chat = answers::tell(&answers::CHAT_ERRORS);
    let kv_set = |key: &str, value: &str| {
        let body = format!("{grow} (call $kv-set {key} {value} {AT}) {TELL_KV}");
        connector(KV, &kv, &body)
    };
    let small = "(i32.const 128) (i32.const 6)";
    let branch = format!(
        "{grow} (i32.store (i32.const 5152) (i32.const 1))
         (i32.store (i32.const 5156) (i32.const 196608))
         (i32.store (i32.const 5160) (i32.const 3000000))
         (call $submit (i32.const 5120) {AT}) {TELL_NUMBER}"
    );
    let comment = format!(
        "{grow} (call $decide (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 1) {huge} {AT}) {TELL_NARROW}"
    );
    let state =
        format!("{grow} (call $newest (i32.const 1) {huge} (i32.const 1) {AT}) {TELL_NARROW}");
    vec![
        told(
            "huge-value",
            "a value of 3 MB",
            "invalid",
            kv_set(small, huge),
        ),
        told("huge-key", "a key of 3 MB", "invalid", kv_set(huge, small)),
        told(
            "huge-branch",
            "a job whose branch has a name of 3 MB",
            "invalid",
            connector(JOBS, &(jobs.clone() + &submission()), &branch),
        ),
        told(
            "huge-comment",
            "a decision with a comment of 3 MB",
            "invalid",
            connector(JOBS, &jobs, &comment),
        ),
        told(
            "huge-state",
            "the jobs in a state whose name has 3 MB",
            "invalid",
            connector(JOBS, &jobs, &state),
        ),
        told(
            "huge-reference",
            "a message that answers one whose id has 3 MB",
            "invalid",
            connector(
                CHAT,
                &chat,
                &format!("{grow} {} {TELL_NUMBER}", say(Some((196_608, 3_000_000)))),
            ),
        ),
        Case::receive(
            "huge-log-lines",
            "log lines of 3 MB, of which 4 KiB are kept",
            "LogLimit",
            connector(
                LOG,
                "",
                &format!("{grow} (loop $l (call $log (i32.const 3) {huge}) (br $l)) unreachable"),
            ),
        )
        .with_cpu_ms(5_000),
        Case::receive(
            "huge-transfer",
            "16 MB of text for one call of the host",
            "ResultLimit",
            connector(
                LOG,
                "",
                "(drop (memory.grow (i32.const 300)))
                 (call $log (i32.const 3) (i32.const 0) (i32.const 16000000)) (i32.const 1024)",
            ),
        )
        .with_memory(32 << 20),
    ]
}

fn requests() -> Vec<Case> {
    let url = "https://example.com/";
    let wasm = |asked: &Asked<'_>, times: u32| {
        let wat = answers::sender(asked, times);
        component(&["host", "connector"], &[], "job-connector", &wat)
    };
    let long_url = format!("{url}{}", "a".repeat(9_000));
    let mut many = Asked::get(url);
    for _ in 0..65 {
        many = many.with(b"x-a", b"b");
    }
    let wide = vec![b'b'; 17_000];
    let body = Asked {
        method: b"POST",
        url: url.as_bytes(),
        body_bytes: Some((4 << 20) + 1),
        ..Asked::default()
    };
    vec![
        told(
            "thirty-third-request",
            "a thirty-third request in one call",
            "denied",
            wasm(&Asked::get(url), 33),
        ),
        told(
            "huge-url",
            "a URL of 9 KB",
            "invalid",
            wasm(&Asked::get(&long_url), 1),
        ),
        told(
            "many-headers",
            "65 header fields",
            "invalid",
            wasm(&many, 1),
        ),
        told(
            "huge-header",
            "a header field of 17 KB",
            "invalid",
            wasm(&Asked::get(url).with(b"x-a", &wide), 1),
        ),
        told(
            "huge-body",
            "a body of more than 4 MiB",
            "invalid",
            wasm(&body, 1),
        )
        .with_memory(16 << 20),
    ]
}
