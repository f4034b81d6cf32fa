//! The routes, gathered with their descriptions. Layers are put on here, so
//! that no route can be without them.

mod actions;
mod audit;
mod deliveries;
mod egress;
mod events;
mod health;
mod hooks;
mod intake;
mod jobs;
mod logs;
mod packages;
mod people;
mod plugin_events;
mod plugins;
mod results;
mod stats;
mod telegram;
mod usage;

use crate::auth::require_token;
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sortie",
        description = "Submit work for coding agents, watch it, and decide what is published. \
                       Every error is `application/problem+json` (RFC 9457).",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    tags(
        (name = "jobs", description = "Submit and read."),
        (name = "actions", description = "Decide, stop, start again."),
        (name = "egress", description = "What jobs want of the outside, and what people answer."),
        (name = "streams", description = "Events and logs as they happen."),
        (name = "plugins", description = "What is installed, what comes in for it and what it sends."),
        (name = "hooks", description = "Where others send to connectors, without the token."),
        (name = "people", description = "Who may speak to the host, and where."),
        (name = "host", description = "What the host is and how it fares."),
    ),
    paths(hooks::hook, telegram::webhook),
    modifiers(&Bearer),
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The token that the host made at its first start, in `api-token` in its data \
                 directory.",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// What any route that needs the token may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum Refusals {
    /// The request cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The token is missing or wrong.
    #[response(
        status = 401,
        content_type = "application/problem+json",
        headers(("WWW-Authenticate" = String, description = "`Bearer`"))
    )]
    Unauthorized(Problem),
    /// The host failed.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The host is busy, slow or ending; try again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(Problem),
}

/// What a route about one job may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NoSuchJob {
    /// There is no such job.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What a route that changes a job may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NotMoved {
    /// The job's state does not allow it, or the decision names another commit
    /// than the one that is asked about.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The disk is full; nothing was changed.
    #[response(status = 507, content_type = "application/problem+json")]
    DiskFull(Problem),
}

/// What a route with a body may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum BadBody {
    /// The body is over the limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not declared as JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// The body is JSON, but not what is expected, or cannot be carried out.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
}

/// What a route about one plugin may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NoSuchPlugin {
    /// No such plugin is installed.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What a route that changes plugins may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NotChanged {
    /// The plugin's state does not allow it, or it wants more than it was
    /// granted.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The disk is full; nothing was changed.
    #[response(status = 507, content_type = "application/problem+json")]
    DiskFull(Problem),
}

/// What a route that has a version run again may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum Unfit {
    /// The version does not run here, or its configuration does not do.
    #[response(status = 422, content_type = "application/problem+json")]
    Unfit(Problem),
}

/// What a route that takes a package may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum BadUpload {
    /// Nobody who is trusted signed the package, or its signature is wrong.
    #[response(status = 403, content_type = "application/problem+json")]
    Untrusted(Problem),
    /// The package, or another part, is over the limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is no form.
    #[response(status = 415, content_type = "application/problem+json")]
    NotAForm(Problem),
    /// The package does not run here, its configuration does not do, or what
    /// is agreed to makes no sense.
    #[response(status = 422, content_type = "application/problem+json")]
    BadPackage(Problem),
}

/// What a route about one event or delivery may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NoSuchMessage {
    /// There is none.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What a route that moves one may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum NotSettled {
    /// It was handled or dropped before.
    #[response(status = 409, content_type = "application/problem+json")]
    Settled(Problem),
    /// The disk is full; nothing was changed.
    #[response(status = 507, content_type = "application/problem+json")]
    DiskFull(Problem),
}

/// What a hook may answer of the host's own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum Refused {
    /// The request cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// It is not from who it says.
    #[response(status = 401, content_type = "application/problem+json")]
    Unverified(Problem),
    /// No plugin that runs has such a source.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Problem),
    /// The body came too slowly.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// The body is over the source's limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The host failed.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The host is busy; send it again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(Problem),
    /// The disk is full; send it again later.
    #[response(status = 507, content_type = "application/problem+json")]
    DiskFull(Problem),
}

fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(jobs::submit, jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(results::diff))
        .routes(routes!(results::findings))
        .routes(routes!(results::telemetry))
        .routes(routes!(results::artifacts))
        .routes(routes!(results::artifact))
        .routes(routes!(logs::logs))
        .routes(routes!(events::job_events))
        .routes(routes!(events::events))
        .routes(routes!(actions::approve))
        .routes(routes!(actions::reject))
        .routes(routes!(actions::cancel))
        .routes(routes!(actions::retry))
        .routes(routes!(egress::get, egress::answer))
        .routes(routes!(egress::questions))
        .merge(packages())
        .routes(routes!(plugins::get, plugins::remove))
        .routes(routes!(plugins::grant))
        .routes(routes!(plugins::rollback))
        .routes(routes!(plugins::enable))
        .routes(routes!(plugins::disable))
        .routes(routes!(plugins::logs))
        .routes(routes!(plugin_events::list))
        .routes(routes!(plugin_events::get))
        .routes(routes!(plugin_events::retry))
        .routes(routes!(plugin_events::drop))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::retry))
        .routes(routes!(deliveries::drop))
        .routes(routes!(audit::list))
        .routes(routes!(usage::list))
        .routes(routes!(stats::stats))
        .routes(routes!(stats::projects))
        .routes(routes!(intake::get))
        .routes(routes!(intake::pause))
        .routes(routes!(intake::resume))
        .routes(routes!(people::list, people::put))
        .routes(routes!(people::remove))
        .routes(routes!(people::chats))
        .routes(routes!(people::change_chat))
        .routes(routes!(telegram::get, telegram::set_up, telegram::remove))
        .routes(routes!(telegram::pairing))
        .routes(routes!(telegram::parked))
        .routes(routes!(telegram::retry))
        .routes(routes!(telegram::drop))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// The routes that take a package, under a limit of their own.
fn packages() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(packages::install, plugins::list))
        .routes(routes!(packages::examine))
        .routes(routes!(packages::upgrade))
        .layer(DefaultBodyLimit::max(limits::MAX_UPLOAD_BYTES))
}

/// Hooks read their bodies themselves, each under the limit of its source.
fn hooks() -> Router<Api> {
    Router::new()
        .route(hooks::PATH, any(hooks::hook))
        .route(hooks::PATH_BELOW, any(hooks::hook))
        .route(telegram::PATH, post(telegram::webhook))
}

/// The description that `/openapi.json` answers with.
pub fn openapi() -> Document {
    described().into_openapi()
}

/// All routes with their layers.
pub fn router(api: Api) -> Router {
    let (router, document) = described().split_for_parts();
    // Made once: the description does not change while the host runs.
    let text = document.to_json().unwrap_or_default();
    router
        .route(
            "/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], text) }),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(limits::MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(api.clone(), require_token))
        .merge(hooks())
        .layer(middleware::from_fn(in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(guarded))
        .with_state(api)
}

async fn not_found(request: Request) -> Problem {
    Problem::new(
        Kind::NotFound,
        format!("find {}: there is nothing", request.uri().path()),
    )
    .with_hint("`/openapi.json` lists what there is")
}

async fn method_not_allowed(request: Request) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!(
            "answer {} {}: the method is not allowed there",
            request.method(),
            request.uri().path()
        ),
    )
    .with_hint("the `Allow` header lists those that are")
}

async fn in_time(request: Request, next: Next) -> Response {
    let changes_plugins =
        request.uri().path().starts_with("/v1/plugins") && request.method() != Method::GET;
    let limit = match changes_plugins {
        true => limits::CHANGE_TIMEOUT,
        false => limits::REQUEST_TIMEOUT,
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Kind::Busy,
            format!(
                "answer within {} s: the host or the request was too slow; try again",
                limit.as_secs()
            ),
        )
        .into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = what, "a request panicked");
    Problem::new(
        Kind::Internal,
        "answer the request: it panicked; please report this with the host's log",
    )
    .into_response()
}

/// What browsers must not do with answers that hold work in progress.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
