//! Sandboxes on a real engine, with the real runner. Every test has an instance
//! of its own and leaves nothing behind, also when it fails.

mod adoption;
mod attack;
mod engine;
mod faults;
mod gateway;
mod life;
mod repository;
mod rig;
