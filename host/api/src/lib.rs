//! The HTTP API: submit, watch, decide. Described at `/openapi.json` from the
//! types it speaks; every error is `application/problem+json`.
//!
//! It holds no state of its own beside the token's digest: what it shows is
//! read from the store, what it changes goes through intake, the platform, the
//! chat source or the store. It never starts a run, never reads a repository, and answers
//! without the token only for health and its own description, at hooks,
//! which the platform verifies, and where a chat service brings updates.

mod auth;
mod chat;
mod engine;
mod extract;
pub mod limits;
mod page;
mod problem;
mod routes;
mod server;
mod state;
mod stream;
pub mod view;

pub use auth::{Token, TokenError};
pub use chat::{ChatDoor, ChatFault, DoorFault};
pub use engine::{DiffFault, EngineState, EngineView};
pub use problem::Problem;
pub use routes::{openapi, router};
pub use server::serve;
pub use state::{Api, ApiOptions};
