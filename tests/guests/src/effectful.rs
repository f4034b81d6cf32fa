//! Parts of connectors and notifiers that behave, to put together into those
//! that do not. A result of the host stands at 4096 afterwards.

use crate::answers::{self, Asked};
use crate::data;

/// `kv.set`.
pub const KV: &str = r#"
  (import "sortie:host/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))
"#;

/// `jobs.cancel` and `jobs.decide`.
pub const JOBS: &str = r#"
  (import "sortie:host/jobs@0.1.0" "cancel" (func $cancel (param i64 i32)))
  (import "sortie:host/jobs@0.1.0" "decide"
    (func $decide (param i64 i32 i32 i32 i32 i32 i32 i32 i32)))
"#;

/// `chat.acknowledge`.
pub const CHAT: &str = r#"
  (import "sortie:host/chat@0.1.0" "acknowledge" (func $ack (param i32 i32 i32 i32 i32 i32)))
"#;

/// `config.get`.
pub const CONFIG: &str = r#"
  (import "sortie:host/config@0.1.0" "get" (func $get (param i32 i32 i32)))
"#;

/// `random.get-random-bytes`.
pub const RANDOM: &str = r#"
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
"#;

/// Keeps `severe` under `r`.
pub const KEEP: &str = "(call $set (i32.const 96) (i32.const 1) (i32.const 128) (i32.const 6)
    (i32.const 4096))";

/// Cancels a job.
pub const CANCEL: &str = "(call $cancel (i64.const 1) (i32.const 4096))";

/// Approves what a job asks, whatever that is.
pub const APPROVE: &str = "(call $decide (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4096))";

/// Approves the commit `severe`, whatever the job asks about.
pub const APPROVE_SEEN: &str = "(call $decide (i64.const 1) (i32.const 0) (i32.const 1)
    (i32.const 128) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4096))";

/// Ends `receive` without doing anything unless an owner sent the event.
pub const ONLY_OWNERS: &str = "(if (i32.eqz (i32.and (i32.load8_u offset=28 (local.get $event))
      (i32.load8_u offset=48 (local.get $event))))
    (then (return (i32.const 1024))))";

/// Acknowledges the press that the event is.
pub const ACKNOWLEDGE: &str = "(call $ack (i32.load offset=88 (local.get $event))
    (i32.load offset=92 (local.get $event)) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 4096))";

/// Ends `receive` with an error when the host could not do it.
pub const OR_FAIL: &str = "(if (i32.and (i32.load8_u (i32.const 4096))
      (i32.eq (i32.load8_u (i32.const 4100)) (i32.const 4)))
    (then (return (i32.const 1040))))";

/// Ends `receive` without doing anything unless the event is of this kind and
/// of a source whose name has so many bytes. Kinds: 0 is a request, 1 a tick,
/// 2 a message, 3 a press.
pub fn only(kind: u8, source_bytes: usize) -> String {
    format!(
        "(if (i32.or (i32.ne (i32.load8_u offset=56 (local.get $event)) (i32.const {kind}))
           (i32.ne (i32.load offset=12 (local.get $event)) (i32.const {source_bytes})))
         (then (return (i32.const 1024))))"
    )
}

/// Where notifiers of this kind send to.
pub const URL: &str = "https://h.example/hook";

/// A notifier that posts an event to [`URL`] by its parts.
#[derive(Clone, Debug)]
pub struct Post {
    /// Before the request.
    pub before: String,
    /// How often it is sent, whatever comes of it.
    pub times: usize,
    /// Whether the idempotency key goes along.
    pub key: bool,
    /// Whether a `$status` is a success; 0 stands for none.
    pub is_success: String,
    /// The address of the result of a success.
    pub success: u32,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            before: String::new(),
            times: 1,
            key: true,
            is_success: "(i32.eq (i32.div_u (local.get $status) (i32.const 100)) (i32.const 2))"
                .into(),
            success: 1_024,
        }
    }
}

impl Post {
    /// A receipt with a blank reference.
    pub const BLANK: u32 = 5_000;

    /// The component. What is no success is tried again in 200 seconds; at
    /// 5064 stands a failure that is not tried again.
    pub fn build(&self) -> Vec<u8> {
        let asked = Asked {
            method: b"POST",
            url: URL.as_bytes(),
            headers: vec![(b"idempotency-key", b"none")],
            body_bytes: None,
        };
        let (request, send) = answers::request(&asked);
        let words = |words: &[u32]| {
            words
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect::<Vec<_>>()
        };
        let results = [
            data(5_000, words(&[0, 1, 128, 0])),
            data(5_032, words(&[1, 0, 128, 6, 1, 200_000])),
            data(5_064, words(&[1, 1, 128, 6])),
        ]
        .concat();
        let key = match self.key {
            true => {
                "(i32.store (i32.const 6152) (i32.load offset=128 (local.get $event)))
                 (i32.store (i32.const 6156) (i32.load offset=132 (local.get $event)))"
            }
            false => "",
        };
        let (before, sends) = (&self.before, send.repeat(self.times));
        let (is_success, success) = (&self.is_success, self.success);
        let body = format!(
            "(local $status i32)
             {before} {key} {sends}
             (if (i32.eqz (i32.load8_u (i32.const 4096)))
               (then (local.set $status (i32.load16_u (i32.const 4104)))))
             (if (result i32) {is_success}
               (then (i32.const {success}))
               (else (i32.const 5032)))"
        );
        let imports = format!("{}{CONFIG}", answers::HTTP);
        crate::notifier(&imports, &(request + &results), &body)
    }
}
