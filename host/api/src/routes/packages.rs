//! Packages: looked at, installed, put in place of another version. A package
//! is uploaded whole; where it comes from is for whoever uploads it to know.

use super::{BadUpload, NoSuchPlugin, NotChanged, Refusals};
use crate::extract::{From, Named};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::state::Api;
use crate::view::{ConsentBody, ExaminedView, PluginDetail};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sortie_package::MAX_PACKAGE_BYTES;
use sortie_platform::lifecycle::{Consent, Package, Terms};
use utoipa::ToSchema;

/// A package on its way in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct Upload {
    /// The component.
    #[schema(value_type = String, format = Binary, content_media_type = "application/wasm")]
    package: Vec<u8>,
    /// Its signature, as `sortie plugin sign` writes it.
    signature: Option<String>,
    /// A manifest that came beside it, as TOML or JSON, for a component that
    /// has none inside. It is put in: the digest is of both, and a signature
    /// of the component alone is refused.
    manifest: Option<String>,
    /// Where it came from: a path, a URL or an OCI reference.
    source: Option<String>,
    /// What is agreed to, as JSON; `"before"` when it is left out.
    consent: Option<ConsentBody>,
    /// Whether an install may take the place of one of the host's own plugins:
    /// `true` or `false`, which it is when it is left out.
    replace_shipped: Option<bool>,
    /// Why a new plugin is disabled from the beginning, as `disable` does it;
    /// left out when it is not.
    disabled: Option<String>,
}

/// Look at a package without installing it.
///
/// Answers what it is and what it would want, or why it would be refused.
#[utoipa::path(
    post, path = "/v1/plugins/examine", operation_id = "examine_plugin", tag = "plugins",
    security(("token" = [])),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 200, description = "What it is.", body = ExaminedView), Refusals, BadUpload)
)]
pub(super) async fn examine(
    State(api): State<Api>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<axum::Json<ExaminedView>, Problem> {
    let _place = api.upload_place()?;
    let (package, _) = read(form).await?;
    let examined = api.platform().examine(&package).await?;
    Ok(axum::Json(examined.into()))
}

/// Install a package under the name in its manifest.
///
/// When it wants more than is agreed to, it is installed disabled, and
/// `beyond` of the answer says what is missing. The name of one of the host's own
/// plugins is refused unless `replace_shipped` is `true`.
#[utoipa::path(
    post, path = "/v1/plugins", operation_id = "install_plugin", tag = "plugins",
    security(("token" = [])),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Installed.", body = PluginDetail, headers(("Location" = String, description = "The plugin."))),
        Refusals, BadUpload, NotChanged,
    )
)]
pub(super) async fn install(
    State(api): State<Api>,
    From(requester): From,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let _place = api.upload_place()?;
    let (package, terms) = read(form).await?;
    let view = api
        .platform()
        .install(package, terms, &requester.by)
        .await?;
    let location = format!("/v1/plugins/{}", view.plugin.name);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        axum::Json(PluginDetail::from(view)),
    )
        .into_response())
}

/// Put another version in place of the one that is installed.
///
/// Calls under way end on the version they began with. When it wants more than
/// was granted and agreed to, it is disabled until that is granted.
#[utoipa::path(
    post, path = "/v1/plugins/{name}/upgrade", operation_id = "upgrade_plugin", tag = "plugins",
    security(("token" = [])),
    params(("name" = String, Path, description = "The plugin's name; the package's manifest must have the same.")),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 200, description = "It is in place.", body = PluginDetail), Refusals, BadUpload, NoSuchPlugin, NotChanged)
)]
pub(super) async fn upgrade(
    State(api): State<Api>,
    Named(name): Named<String>,
    From(requester): From,
    form: Result<Multipart, MultipartRejection>,
) -> Result<axum::Json<PluginDetail>, Problem> {
    let _place = api.upload_place()?;
    let (package, terms) = read(form).await?;
    let found = package.manifest()?.name;
    if found != name {
        return Err(Problem::new(
            Kind::BadPackage,
            format!(
                "upgrade plugin `{}`: the package is of plugin `{found}`; upgrade that one, or \
                 install it",
                name.chars().take(80).collect::<String>()
            ),
        ));
    }
    let view = api
        .platform()
        .upgrade(package, terms.consent, &requester.by)
        .await?;
    Ok(axum::Json(view.into()))
}

#[derive(Default)]
struct Parts {
    package: Option<Bytes>,
    signature: Option<String>,
    manifest: Option<String>,
    source: Option<String>,
    consent: Option<String>,
    replace_shipped: Option<String>,
    disabled: Option<String>,
}

async fn read(form: Result<Multipart, MultipartRejection>) -> Result<(Package, Terms), Problem> {
    let mut form = form.map_err(|_| {
        Problem::new(
            Kind::UnsupportedMediaType,
            "read the upload: it is no form; send `Content-Type: multipart/form-data` with the \
             component as the part `package`",
        )
    })?;
    let mut parts = Parts::default();
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let slot = match name.as_str() {
            "package" => {
                let bytes = field.bytes().await.map_err(broken)?;
                once(&mut parts.package, &name, bytes)?;
                continue;
            }
            "signature" => &mut parts.signature,
            "manifest" => &mut parts.manifest,
            "source" => &mut parts.source,
            "consent" => &mut parts.consent,
            "replace_shipped" => &mut parts.replace_shipped,
            "disabled" => &mut parts.disabled,
            _ => {
                return Err(Problem::new(
                    Kind::BadRequest,
                    format!(
                        "read the upload: nobody reads a part {:?}; send `package`, `signature`, \
                         `manifest`, `source`, `consent`, `replace_shipped` and `disabled`",
                        name.chars().take(40).collect::<String>()
                    ),
                ));
            }
        };
        let text = text(&name, &mut field).await?;
        once(slot, &name, text)?;
    }
    let Some(bytes) = parts.package else {
        return Err(Problem::new(
            Kind::BadRequest,
            "read the upload: it has no package; send the component as the part `package`",
        ));
    };
    let terms = Terms {
        consent: match parts.consent {
            None => Consent::default(),
            Some(text) => consent(&text)?,
        },
        replace_shipped: match parts.replace_shipped {
            None => false,
            Some(text) => truth("replace_shipped", &text)?,
        },
        disabled: parts.disabled,
    };
    let package = Package {
        bytes,
        source: parts.source.unwrap_or_else(|| "upload".to_owned()),
        signature: parts.signature,
        beside: parts.manifest,
    };
    Ok((package, terms))
}

fn truth(name: &str, text: &str) -> Result<bool, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            Kind::InvalidRequest,
            format!("read the part `{name}`: it is neither true nor false"),
        )
        .with_hint("write `true` or `false`")
    })
}

fn consent(text: &str) -> Result<Consent, Problem> {
    let body: ConsentBody = serde_json::from_str(text).map_err(|error| {
        Problem::new(
            Kind::InvalidRequest,
            format!("read the part `consent`: {error}"),
        )
        .with_hint("write \"before\", {\"everything\": {}} or {\"exactly\": {…}}, as JSON")
    })?;
    body.try_into()
}

async fn text(name: &str, field: &mut Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limits::MAX_UPLOAD_TEXT_BYTES {
            return Err(Problem::new(
                Kind::TooLarge,
                format!(
                    "read the part `{name}`: it is over {} bytes; send less",
                    limits::MAX_UPLOAD_TEXT_BYTES
                ),
            ));
        }
    }
    String::from_utf8(bytes).map_err(|_| {
        Problem::new(
            Kind::BadRequest,
            format!("read the part `{name}`: it is not UTF-8; send text"),
        )
    })
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            Kind::BadRequest,
            format!("read the upload: it has two parts `{name}`; send one"),
        )),
    }
}

fn broken(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            Kind::TooLarge,
            format!(
                "read the upload: a package may have {} bytes; strip its debug information",
                MAX_PACKAGE_BYTES
            ),
        ),
        _ => Problem::new(
            Kind::BadRequest,
            format!(
                "read the upload: {}; send it again",
                error.body_text().trim_end_matches('.')
            ),
        ),
    }
}
