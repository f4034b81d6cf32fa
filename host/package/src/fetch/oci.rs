//! Packages in OCI registries, in the layout that `wkg` and others use: an
//! image with one layer, which is the component. Its digest is the package's.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use oci_client::client::{
    Certificate, CertificateEncoding, ClientConfig, ClientProtocol, Config, ImageLayer,
};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest, OciManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::json;

use super::{FetchError, FetchOptions, Fetched, Source, USER_AGENT, reasons, within};
use crate::digest::Digest;
use crate::layer::Layer;
use crate::section;
use crate::signature::ANNOTATION;

/// What is shown of a registry's own words.
const MAX_SAID_CHARS: usize = 300;
/// The media type of the layer, and the one it had before.
const WASM: &str = "application/wasm";
const WASM_BEFORE: &str = "application/vnd.wasm.content.layer.v1+wasm";

/// The media type of the image's configuration.
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Notes on an image, by their names.
pub type Annotations = BTreeMap<String, String>;

/// The package behind a reference, and the signature in its annotations.
pub async fn fetch(
    reference: &Reference,
    options: &FetchOptions,
    loopback: bool,
) -> Result<Fetched, FetchError> {
    let client = client(options, loopback).await?;
    let what = reference.to_string();
    let not = |reason: String| FetchError::NotAPackage {
        what: what.clone(),
        reason,
    };
    let (manifest, manifest_digest) = client
        .pull_manifest(reference, &auth(options))
        .await
        .map_err(|error| registry(reference, error))?;
    let OciManifest::Image(image) = manifest else {
        return Err(not(
            "it is an index of images; name the digest of the one that is meant".into(),
        ));
    };
    let [layer] = image.layers.as_slice() else {
        return Err(not(format!(
            "it has {} layers instead of one; push it with `sortie plugin push` or `wkg oci push`",
            image.layers.len()
        )));
    };
    if ![WASM, WASM_BEFORE].contains(&layer.media_type.as_str()) {
        return Err(not(format!("its layer is `{}`", layer.media_type)));
    }
    let expected: Digest = layer
        .digest
        .parse()
        .map_err(|error| not(format!("its layer's digest `{}`: {error}", layer.digest)))?;
    let bytes = blob(&client, reference, layer, options.max_bytes).await?;
    let found = Digest::of(&bytes);
    if found != expected {
        return Err(FetchError::OtherDigest {
            what,
            expected,
            found,
        });
    }
    Ok(Fetched {
        bytes,
        digest: found,
        pinned: Source::Oci(reference.clone_with_digest(manifest_digest)),
        signature: image
            .annotations
            .and_then(|mut annotations| annotations.remove(ANNOTATION)),
    })
}

/// Stores a package, with its signature when it has one, and says where
/// exactly. The name and version in the annotations are its manifest's.
///
/// # Errors
/// When it is no component, or the registry does not take it.
pub async fn push(
    target: &Source,
    bytes: &[u8],
    signature: Option<&str>,
    options: &FetchOptions,
) -> Result<Source, FetchError> {
    let Source::Oci(reference) = target else {
        return Err(FetchError::NotAPackage {
            what: target.to_string(),
            reason: "packages are published to OCI registries; write oci://registry/repository:tag"
                .into(),
        });
    };
    let image = image(reference, bytes, signature)?;
    let work = async {
        let client = client(options, target.is_loopback()).await?;
        let auth = auth(options);
        let (layer, config, manifest) = image;
        client
            .push(reference, &[layer], config, &auth, Some(manifest))
            .await
            .map_err(|error| registry(reference, error))?;
        let digest = client
            .fetch_manifest_digest(reference, &auth)
            .await
            .map_err(|error| registry(reference, error))?;
        Ok(Source::Oci(reference.clone_with_digest(digest)))
    };
    within(target, options, work).await
}

fn image(
    reference: &Reference,
    bytes: &[u8],
    signature: Option<&str>,
) -> Result<(ImageLayer, Config, OciImageManifest), FetchError> {
    let not = |reason: String| FetchError::NotAPackage {
        what: reference.to_string(),
        reason,
    };
    match Layer::of(bytes).map_err(|error| not(error.to_string()))? {
        Layer::Component => {}
        Layer::Module => return Err(not("it is a core module; make a component of it".into())),
    }
    let manifest = section::read(bytes)
        .map_err(|error| not(error.to_string()))?
        .ok_or_else(|| not("it carries no manifest; build it with `sortie plugin build`".into()))?;
    let mut notes = Annotations::from([
        ("org.opencontainers.image.title".into(), manifest.name),
        (
            "org.opencontainers.image.version".into(),
            manifest.version.to_string(),
        ),
        (
            "org.opencontainers.image.description".into(),
            manifest.description,
        ),
    ]);
    if let Some(license) = manifest.license {
        notes.insert("org.opencontainers.image.licenses".into(), license);
    }
    if let Some(signature) = signature {
        notes.insert(ANNOTATION.into(), signature.to_owned());
    }
    // The client writes what it sends in a form of JSON that escapes no line end.
    for text in notes.values_mut() {
        *text = text.trim().replace(char::is_control, " ");
    }
    let config = json!({
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [Digest::of(bytes)],
        "component": {},
    });
    let config = Config::new(
        serde_json::to_vec(&config).expect("plain data"),
        WASM_CONFIG.into(),
        None,
    );
    let layer = ImageLayer::new(bytes.to_vec(), WASM.into(), None);
    let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, Some(notes));
    manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.into());
    Ok((layer, config, manifest))
}

async fn client(options: &FetchOptions, loopback: bool) -> Result<Client, FetchError> {
    let mut config = ClientConfig {
        protocol: match loopback {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        },
        user_agent: USER_AGENT,
        platform_resolver: None,
        ..ClientConfig::default()
    };
    if let Some(path) = &options.extra_ca {
        let pem = super::certificates(path).await?;
        config.extra_root_certificates = pem_blocks(&pem)
            .into_iter()
            .map(|data| Certificate {
                encoding: CertificateEncoding::Pem,
                data,
            })
            .collect();
    }
    Client::try_from(config).map_err(|error| FetchError::Registry {
        what: "every reference".into(),
        reason: reasons(&error),
    })
}

/// Each certificate alone: the client reads one of each text.
fn pem_blocks(pem: &[u8]) -> Vec<Vec<u8>> {
    const END: &str = "-----END CERTIFICATE-----";
    String::from_utf8_lossy(pem)
        .split_inclusive(END)
        .filter(|block| block.ends_with(END))
        .map(|block| block.as_bytes().to_vec())
        .collect()
}

fn auth(options: &FetchOptions) -> RegistryAuth {
    match &options.login {
        Some(login) => RegistryAuth::Basic(login.user.clone(), login.password.to_string()),
        None => RegistryAuth::Anonymous,
    }
}

async fn blob(
    client: &Client,
    reference: &Reference,
    layer: &OciDescriptor,
    limit: u64,
) -> Result<Vec<u8>, FetchError> {
    let what = || reference.to_string();
    let too_large = || FetchError::TooLarge {
        what: what(),
        limit,
    };
    let size = u64::try_from(layer.size).unwrap_or(u64::MAX);
    if size > limit {
        return Err(too_large());
    }
    let mut stream = client
        .pull_blob_stream(reference, layer)
        .await
        .map_err(|error| registry(reference, error))?
        .stream;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|error| FetchError::Registry {
            what: what(),
            reason: format!("the download broke off: {}; try again", reasons(&error)),
        })?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(FetchError::Truncated {
            what: what(),
            expected: size,
            got: bytes.len() as u64,
        }),
    }
}

fn registry(reference: &Reference, error: OciDistributionError) -> FetchError {
    let what = reference.to_string();
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => {
            FetchError::Status { what, status: 404 }
        }
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => {
            FetchError::Status { what, status: 401 }
        }
        OciDistributionError::RegistryError { envelope, .. }
            if envelope.errors.iter().any(|error| {
                matches!(
                    error.code,
                    OciErrorCode::ManifestUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::BlobUnknown
                        | OciErrorCode::NotFound
                )
            }) =>
        {
            FetchError::Status { what, status: 404 }
        }
        OciDistributionError::ServerError { code, message, .. } if !message.trim().is_empty() => {
            let said: String = message.chars().take(MAX_SAID_CHARS).collect();
            FetchError::Registry {
                what,
                reason: format!("it answered {code}: {}", said.trim().escape_debug()),
            }
        }
        OciDistributionError::ServerError { code, .. } => FetchError::Status { what, status: code },
        OciDistributionError::RequestError(error) => FetchError::Unreachable {
            what,
            reason: reasons(&error.without_url()),
        },
        other => FetchError::Registry {
            what,
            reason: reasons(&other),
        },
    }
}
