//! A package on its way from where it is to the host. The host looks at it
//! again; nothing here is taken for true there.

use crate::exit::CliError;
use crate::out::Out;
use crate::project::{self, package};
use reqwest::multipart::{Form, Part};
use sortie_api::view::ConsentBody;
use sortie_package::fetch::{self, FetchError, FetchOptions, Login, Source};
use sortie_package::{Digest, Manifest, section};
use std::path::{Path, PathBuf};

/// The largest signature; one has some 500 bytes.
const MAX_SIGNATURE_BYTES: usize = 16 << 10;

/// A package with what came beside it.
pub struct Package {
    bytes: Vec<u8>,
    source: String,
    signature: Option<String>,
    /// What stands beside a package that has none inside, with its text.
    manifest: Option<(Manifest, String)>,
}

/// How a package is to be installed.
pub struct Terms<'a> {
    /// What is granted.
    pub consent: ConsentBody,
    /// Whether it may take the place of one of the host's own plugins.
    pub replace_shipped: bool,
    /// Why a new one is disabled from the beginning, if it is.
    pub disabled: Option<&'a str>,
}

/// Where a package comes from.
#[derive(Debug, clap::Args)]
pub struct From {
    /// A file, an https address, or an OCI reference such as
    /// ghcr.io/owner/rule:0.1.0
    source: String,
    /// The file with its signature [default: SOURCE.sig where there is one]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

impl From {
    /// Fetches it.
    pub async fn fetch(&self, out: &Out) -> Result<Package, CliError> {
        let mut package = get(&self.source, None, out).await?;
        if let Some(file) = &self.signature {
            let text = project::read_text(file, MAX_SIGNATURE_BYTES).map_err(|error| {
                CliError::usage(format!("read the signature {}: {error}", file.display()))
            })?;
            package.signature = Some(text);
        }
        Ok(package)
    }
}

/// Fetches a package; with `digest`, those bytes or none.
pub async fn get(source: &str, digest: Option<Digest>, out: &Out) -> Result<Package, CliError> {
    let parsed = Source::parse(source)
        .map_err(|error| CliError::usage(format!("find the package: {error}")))?;
    // Another command may be started elsewhere.
    let parsed = match parsed {
        Source::Path(path) => Source::Path(std::path::absolute(&path).unwrap_or(path)),
        other => other,
    };
    if !matches!(parsed, Source::Path(_)) {
        out.progress(format!("fetching {parsed}"));
    }
    let options = FetchOptions {
        // Of a file, once it is known what stands beside it.
        expected: digest.filter(|_| !matches!(parsed, Source::Path(_))),
        login: login(),
        ..FetchOptions::default()
    };
    let fetched = fetch::fetch(&parsed, &options)
        .await
        .map_err(|error| CliError::failed(format!("fetch the package: {error}")))?;
    let manifest = match &parsed {
        Source::Path(path) => {
            let beside = beside(path, &fetched.bytes)?;
            let found = match &beside {
                Some((manifest, _)) => Digest::of(&package::whole(&fetched.bytes, manifest)?),
                None => fetched.digest,
            };
            if let Some(expected) = digest.filter(|expected| *expected != found) {
                let other = FetchError::OtherDigest {
                    what: parsed.to_string(),
                    expected,
                    found,
                };
                return Err(CliError::failed(format!("fetch the package: {other}")));
            }
            beside
        }
        _ => None,
    };
    Ok(Package {
        bytes: fetched.bytes,
        source: fetched.pinned.to_string(),
        signature: fetched.signature,
        manifest,
    })
}

/// The manifest beside a package that has none inside.
fn beside(path: &Path, bytes: &[u8]) -> Result<Option<(Manifest, String)>, CliError> {
    match section::read(bytes) {
        Ok(None) => {
            let (manifest, text) = package::manifest(path, bytes)?;
            Ok(text.map(|text| (manifest, text)))
        }
        // What else is wrong with it, the host says.
        _ => Ok(None),
    }
}

/// Who one is at a registry, by `SORTIE_REGISTRY_USER` and
/// `SORTIE_REGISTRY_PASSWORD`.
fn login() -> Option<Login> {
    Some(Login {
        user: std::env::var("SORTIE_REGISTRY_USER").ok()?,
        password: std::env::var("SORTIE_REGISTRY_PASSWORD").ok()?.into(),
    })
}

impl Package {
    /// One that came with this program.
    pub fn extra(name: &str) -> Result<Self, CliError> {
        let bytes = crate::extras::find(name).ok_or_else(|| {
            CliError::failed(format!(
                "find the plugin {name}: this program was built without it"
            ))
            .with_hint("`cargo xtask plugins` makes it; then build again, or install it by hand")
        })?;
        Ok(Self {
            bytes: bytes.to_vec(),
            source: format!("sortie {}", env!("CARGO_PKG_VERSION")),
            signature: None,
            manifest: None,
        })
    }

    /// Whether a signature came with it.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Publishes it with its signature; says where exactly. A manifest that
    /// stands beside it goes in, as the host puts it in.
    pub async fn push(&self, target: &Source) -> Result<Source, CliError> {
        let whole = match &self.manifest {
            None => None,
            Some(_) if self.is_signed() => {
                return Err(CliError::usage(
                    "publish the package: its manifest stands beside it, where its signature does not cover it",
                )
                .with_hint(
                    "build it with `sortie plugin build`, which puts the manifest in, sign and push that",
                ));
            }
            Some((manifest, _)) => Some(package::whole(&self.bytes, manifest)?),
        };
        let bytes = whole.as_deref().unwrap_or(&self.bytes);
        let options = FetchOptions {
            login: login(),
            ..FetchOptions::default()
        };
        fetch::push(target, bytes, self.signature.as_deref(), &options)
            .await
            .map_err(|error| CliError::failed(format!("publish the package: {error}")))
    }

    /// The form that the host takes.
    pub fn form(&self, terms: &Terms<'_>) -> Result<Form, CliError> {
        let part = Part::bytes(self.bytes.clone())
            .file_name("package.wasm")
            .mime_str("application/wasm")
            .map_err(CliError::failed)?;
        let consent = serde_json::to_string(&terms.consent).map_err(CliError::failed)?;
        let mut form = Form::new()
            .text("source", self.source.clone())
            .text("consent", consent)
            .text("replace_shipped", terms.replace_shipped.to_string());
        if let Some(signature) = &self.signature {
            form = form.text("signature", signature.clone());
        }
        if let Some((_, text)) = &self.manifest {
            form = form.text("manifest", text.clone());
        }
        if let Some(why) = terms.disabled {
            form = form.text("disabled", why.to_owned());
        }
        Ok(form.part("package", part))
    }
}
