//! The `sortie` command.
mod config;
fn main() {}
