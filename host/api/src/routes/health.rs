//! Whether the process lives, and whether it takes work.

use crate::engine::EngineState;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{EngineView, Health, Ready};
use axum::Json;
use axum::extract::State;

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "host",
    responses((status = 200, description = "It does.", body = Health))
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Whether the host takes submissions: its store takes a write.
///
/// A container engine that is down shows in the answer and does not make the
/// host unready: jobs wait for it.
#[utoipa::path(
    get, path = "/readyz", tag = "host",
    responses(
        (status = 200, description = "It does.", body = Ready),
        (status = 503, description = "It does not; the detail says why.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> Result<Json<Ready>, Problem> {
    api.health()
        .await
        .map_err(|error| Problem::new(Kind::NotReady, error.to_string()))?;
    let queue = api
        .store()
        .queue_stats()
        .await
        .map_err(|error| Problem::new(Kind::NotReady, error.to_string()))?;
    let paused = api
        .store()
        .intake_pause()
        .await
        .map_err(|error| Problem::new(Kind::NotReady, error.to_string()))?;
    let (state, detail) = match api.engine().state() {
        EngineState::Unknown => ("unknown", None),
        EngineState::Up(detail) => ("up", Some(detail)),
        EngineState::Down(detail) => ("down", Some(detail)),
    };
    Ok(Json(Ready {
        status: "ready".into(),
        engine: EngineView {
            state: state.into(),
            detail,
        },
        queue: queue.into(),
        paused: paused.map(Into::into),
        telegram: api.chat().state().state,
    }))
}
