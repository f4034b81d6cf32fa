//! Connectors that ask the host for one thing and repeat its answer, so that a
//! test can say what the guest was told. The reply's body begins with the
//! answer's name in a field of 32 bytes (`ok`, or the case of the error), then
//! the text that came with it.

use crate::{connector_wat, data};

/// Bytes of the field that holds the name.
pub const NAME_BYTES: usize = 32;

/// Where the names of errors stand, and above them what `$tell` writes.
const NAMES: usize = 65_536;
const TOLD: usize = 98_304;

/// The cases of `error` in `sortie:host/http`, in order.
pub const HTTP_ERRORS: [&str; 7] = [
    "invalid",
    "denied",
    "unreachable",
    "timed-out",
    "too-large",
    "failed",
    "other",
];

/// The cases of `error` in `sortie:host/kv`, in order.
pub const KV_ERRORS: [&str; 3] = ["invalid", "quota", "other"];

/// The cases of `error` in `sortie:host/jobs`, in order.
pub const JOBS_ERRORS: [&str; 5] = ["denied", "not-found", "conflict", "invalid", "other"];

/// The cases of `error` in `sortie:host/chat`, in order.
pub const CHAT_ERRORS: [&str; 4] = ["denied", "invalid", "not-found", "other"];

/// `$tell`, which takes a result's discriminant, the error's, and a text, and
/// gives the address of a reply that says so.
pub fn tell(errors: &[&str]) -> String {
    let mut names = format!("{:NAME_BYTES$}", "ok");
    for error in errors {
        names += &format!("{error:NAME_BYTES$}");
    }
    data(NAMES, names)
        + &format!(
            "(func $tell (param $failed i32) (param $error i32) (param $at i32) (param $len i32)
               (result i32)
               (memory.copy (i32.const {TOLD})
                 (i32.add (i32.const {NAMES})
                   (select
                     (i32.mul (i32.add (local.get $error) (i32.const 1)) (i32.const {NAME_BYTES}))
                     (i32.const 0)
                     (local.get $failed)))
                 (i32.const {NAME_BYTES}))
               (if (i32.gt_u (local.get $len) (i32.const 2000))
                 (then (local.set $len (i32.const 2000))))
               ;; A number in the place of a text is no address.
               (if (local.get $len)
                 (then (memory.copy (i32.const {text}) (local.get $at) (local.get $len))))
               (i32.store8 (i32.const 1056) (i32.const 0))
               (i32.store8 (i32.const 1060) (i32.const 1))
               (i32.store16 (i32.const 1064) (i32.const 200))
               (i64.store (i32.const 1068) (i64.const 0))
               (i32.store (i32.const 1076) (i32.const {TOLD}))
               (i32.store (i32.const 1080) (i32.add (local.get $len) (i32.const {NAME_BYTES})))
               (i32.const 1056))",
            text = TOLD + NAME_BYTES,
        )
}

/// A request of a guest.
#[derive(Clone, Debug, Default)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The URL.
    pub url: &'a [u8],
    /// Header fields.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
    /// Bytes of a body of zeros; none for none.
    pub body_bytes: Option<usize>,
}

impl<'a> Asked<'a> {
    /// `GET` of this URL.
    pub fn get(url: &'a str) -> Self {
        Self {
            method: b"GET",
            url: url.as_bytes(),
            ..Self::default()
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &'a [u8], value: &'a [u8]) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The import of `send`.
pub const HTTP: &str = r#"
  (import "sortie:host/http@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
"#;

/// The data of a request, and the instructions that send it and leave its
/// result at 4096.
pub fn request(asked: &Asked<'_>) -> (String, String) {
    let mut at = 8_192;
    let mut text = String::new();
    let mut place = |bytes: &[u8], text: &mut String| {
        let here = at;
        *text += &data(here, bytes);
        at += bytes.len();
        (here, bytes.len())
    };
    let (method, method_len) = place(asked.method, &mut text);
    let (url, url_len) = place(asked.url, &mut text);
    let mut list = Vec::new();
    for (name, value) in &asked.headers {
        for bytes in [name, value] {
            let (here, len) = place(bytes, &mut text);
            list.extend(u32::try_from(here).unwrap_or(u32::MAX).to_le_bytes());
            list.extend(u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
    text += &data(6_144, list);
    let headers = asked.headers.len();
    let body = asked.body_bytes.unwrap_or(0);
    let has_body = u8::from(asked.body_bytes.is_some());
    // Memory past the third page is as good as any and zero.
    let pages = body.div_ceil(65_536);
    let send = format!(
        "(drop (memory.grow (i32.const {pages})))
         (call $send (i32.const {method}) (i32.const {method_len})
           (i32.const {url}) (i32.const {url_len})
           (i32.const 6144) (i32.const {headers})
           (i32.const {has_body}) (i32.const 131072) (i32.const {body})
           (i32.const 0) (i32.const 0) (i32.const 4096))"
    );
    (text, send)
}

/// Repeats the result of `send` at 4096; the text of an answer is its body.
pub const TELL_HTTP: &str = "(call $tell (i32.load8_u (i32.const 4096)) (i32.load8_u (i32.const 4104))
    (select (i32.load (i32.const 4112)) (i32.load (i32.const 4116)) (i32.load8_u (i32.const 4096)))
    (select (i32.load (i32.const 4116)) (i32.load (i32.const 4120)) (i32.load8_u (i32.const 4096))))";

/// A module that sends `asked` `times` times and repeats the last answer.
pub fn sender(asked: &Asked<'_>, times: u32) -> String {
    let (data, send) = request(asked);
    connector_wat(
        HTTP,
        &(data + &tell(&HTTP_ERRORS)),
        &format!(
            "(local $n i32)
             (loop $again
               {send}
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))
             {TELL_HTTP}"
        ),
    )
}

/// Reads a reply's body back: the answer's name, and its text.
pub fn read(body: &[u8]) -> (String, String) {
    let (name, text) = body.split_at(body.len().min(NAME_BYTES));
    let name = String::from_utf8_lossy(name).trim_end().to_owned();
    (name, String::from_utf8_lossy(text).into_owned())
}
