//! Guests that say what they know to a host that was granted, not by what they
//! send but by when, how often and whether they do. No look at a request tells
//! that. What the host promises is that it is little and that it shows: so many
//! requests in a call and no more, each with a row of its time, also when the
//! call comes to nothing.

use sortie_guests::answers::{HTTP, HTTP_ERRORS, TELL_HTTP, request, tell};
use sortie_guests::{answers::Asked, connector_wat, wasi};

use super::GRANTED;
use super::attack::{Attack, connector};
use super::network::server;

/// The requests that one call may send, as the WIT says.
const PER_CALL: usize = 32;

pub(super) fn attacks(granted: u16) -> Vec<Attack> {
    let asks = server(granted, "");
    let url = format!("http://{GRANTED}:{granted}/");
    vec![
        Attack::new(
            "secret-by-rhythm",
            "what it knows, as long and short pauses between requests to a granted host",
            "denied",
            rhythm(&url),
            &asks,
        )
        .sending(PER_CALL),
        Attack::new(
            "secret-by-requests-of-a-call-that-fails",
            "what it knows, as requests to a granted host before a trap",
            "failed call",
            failing(&url),
            &asks,
        )
        .sending(3),
    ]
}

/// Sends until it is told no, and waits after each request as the next bit says.
fn rhythm(url: &str) -> Vec<u8> {
    let imports = format!(
        r#"{HTTP}
      (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $after (param i64) (result i32)))
      (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#
    );
    let (data, send) = request(&Asked::get(url));
    let body = format!(
        "(local $n i32)
         (loop $again
           {send}
           (if (i32.eqz (i32.load8_u (i32.const 4096)))
             (then
               (call $block (call $after
                 (select (i64.const 8000000) (i64.const 1000000)
                   (i32.and (i32.const 1)
                     (i32.shr_u (i32.const 0x5ec2e75) (local.get $n))))))
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br $again))))
         {TELL_HTTP}"
    );
    let wat = connector_wat(&imports, &(data + &tell(&HTTP_ERRORS)), &body);
    wasi::connector(
        &["wasi:clocks/monotonic-clock@0.2.0", "wasi:io/poll@0.2.0"],
        &wat,
    )
}

/// Sends three requests and traps, so that nothing of its call is written.
fn failing(url: &str) -> Vec<u8> {
    let (data, send) = request(&Asked::get(url));
    connector(&connector_wat(
        HTTP,
        &data,
        &format!("{send} {send} {send} unreachable"),
    ))
}
