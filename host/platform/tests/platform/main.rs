//! The platform on real parts: guests on the real engine, a real store, a
//! clock that the tests move.
#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod calls;
mod chats;
mod deliveries;
mod directories;
mod lifecycle;
mod parts;
mod rig;
mod signatures;
mod timers;
mod worker;

use sortie_guests as guests;
