//! A package before it is installed: whose it is, what it says of itself, and
//! whether that is true.

use crate::{PlatformError, Trust};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use sortie_model::surface::Surface;
use sortie_package::digest::DigestError;
use sortie_package::layer::Layer;
use sortie_package::manifest::Difference;
use sortie_package::signature::{Expected, Signature, SignatureError};
use sortie_package::{Digest, Grant, Manifest, section};
use sortie_plugins::PluginInfo;
use sortie_store::{InstalledPlugin, NewPlugin};

/// What is to be installed.
#[derive(Clone, Debug)]
pub struct Package {
    /// The component.
    pub bytes: Bytes,
    /// Where it came from, for people and for getting it again.
    pub source: String,
    /// The text of the signature that came with it.
    pub signature: Option<String>,
    /// A manifest that came beside it, for a component that has none inside. It
    /// is put in before anything else is done, so that the digest is of both.
    pub beside: Option<String>,
}

/// What a look at a package found.
#[derive(Clone, Debug, Serialize)]
pub struct Examined {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Who signed it, of those that are trusted.
    pub signed_by: Option<String>,
    /// What it can be asked.
    pub surfaces: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// Its manifest.
    pub manifest: Value,
    /// What it wants beyond what was granted before.
    pub beyond: Vec<Difference>,
    /// Whether one of the host's own plugins has its name, in whose place it
    /// runs or would run.
    pub replaces_shipped: bool,
}

impl Examined {
    pub(super) fn of(new: &NewPlugin, info: &PluginInfo, beyond: Vec<Difference>) -> Self {
        Self {
            name: new.name.clone(),
            version: new.version.clone(),
            digest: new.digest.clone(),
            signed_by: new.signed_by.clone(),
            surfaces: exported(info),
            imports: info.imports.clone(),
            manifest: new.manifest.clone(),
            beyond,
            replaces_shipped: new.replaces_shipped.is_some(),
        }
    }
}

/// A package whose manifest and signature were looked at.
pub(super) struct Trusted {
    /// The component with the manifest inside.
    pub(super) bytes: Bytes,
    pub(super) manifest: Manifest,
    pub(super) digest: String,
    pub(super) signature: Option<String>,
    pub(super) signed_by: Option<String>,
}

impl Package {
    /// The manifest inside, or the one beside it.
    ///
    /// # Errors
    ///
    /// When there is none that can be read.
    pub fn manifest(&self) -> Result<Manifest, PlatformError> {
        if Layer::of(&self.bytes)? == Layer::Module {
            return Err(PlatformError::CoreModule);
        }
        if let Some(manifest) = section::read(&self.bytes)? {
            return Ok(manifest);
        }
        let Some(text) = &self.beside else {
            return Err(PlatformError::NoManifest {
                beside: "its sortie-plugin.toml".to_owned(),
            });
        };
        let mut manifest = match text.trim_start().starts_with('{') {
            true => Manifest::from_json(text.as_bytes())?,
            false => Manifest::from_toml(text)?,
        };
        manifest.build = None;
        Ok(manifest)
    }

    /// The component with that manifest inside, and whether it was there.
    fn whole(&self, manifest: &Manifest) -> Result<(Bytes, bool), PlatformError> {
        if section::read(&self.bytes)?.is_some() {
            return Ok((self.bytes.clone(), true));
        }
        let whole = section::embed(&self.bytes, manifest)?;
        // It has grown, perhaps too much.
        Layer::of(&whole)?;
        Ok((whole.into(), false))
    }
}

pub(super) fn examine(
    package: &Package,
    trust: &Trust,
    installed: Option<&InstalledPlugin>,
) -> Result<Trusted, PlatformError> {
    let manifest = package.manifest()?;
    let (bytes, inside) = package.whole(&manifest)?;
    if !inside && package.signature.is_some() {
        return Err(PlatformError::SignedBeside {
            plugin: manifest.name,
        });
    }
    let digest = Digest::of(&bytes);
    let not_below = installed.and_then(|plugin| plugin.version.parse().ok());
    let expected = Expected {
        name: &manifest.name,
        version: &manifest.version,
        digest,
        not_below: not_below.as_ref(),
    };
    let signed_by = match signer(package.signature.as_deref(), &expected, trust) {
        Ok(signed_by) => signed_by,
        Err(reason) => {
            let plugin = manifest.name;
            return Err(match reason {
                Doubt::Unsigned => PlatformError::Unsigned { plugin },
                Doubt::Signature(reason) => PlatformError::Signature { plugin, reason },
            });
        }
    };
    Ok(Trusted {
        bytes,
        manifest,
        digest: digest.hex(),
        signature: package.signature.clone(),
        signed_by,
    })
}

/// Why nobody stands behind a package.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Doubt {
    /// It has no signature, and needs one.
    #[error("it is not signed")]
    Unsigned,
    /// The one it has does not do.
    #[error(transparent)]
    Signature(SignatureError),
}

/// Who signed it, of those that are trusted now. Somebody has to have when
/// signatures are required.
fn signer(
    signature: Option<&str>,
    expected: &Expected<'_>,
    trust: &Trust,
) -> Result<Option<String>, Doubt> {
    let Some(text) = signature else {
        return match trust.require_signatures {
            true => Err(Doubt::Unsigned),
            false => Ok(None),
        };
    };
    let verified =
        Signature::parse(text).and_then(|signature| signature.verify(expected, &trust.keys));
    match verified {
        Ok(key) => Ok(Some(key.to_string())),
        // A signature that nobody here can check says nothing; when one is
        // needed, why it says nothing is the answer.
        Err(SignatureError::Untrusted(_)) if !trust.require_signatures => Ok(None),
        Err(error) => Err(Doubt::Signature(error)),
    }
}

/// Who signed an installed version, by the keys that are trusted now and not by
/// those of the day when it was installed.
pub(crate) fn stored_signer(
    manifest: &Manifest,
    digest: &str,
    signature: Option<&str>,
    trust: &Trust,
) -> Result<Option<String>, Doubt> {
    let digest = format!("sha256:{digest}").parse();
    let digest = digest.map_err(|error: DigestError| {
        Doubt::Signature(SignatureError::Malformed(error.to_string()))
    })?;
    let expected = Expected {
        name: &manifest.name,
        version: &manifest.version,
        digest,
        not_below: None,
    };
    signer(signature, &expected, trust)
}

/// Holds the manifest's surfaces against the exports.
pub(super) fn check_surfaces(manifest: &Manifest, info: &PluginInfo) -> Result<(), PlatformError> {
    let mut declared: Vec<String> = manifest
        .surfaces
        .iter()
        .map(|surface| surface.name().to_owned())
        .collect();
    let mut exported = exported(info);
    declared.sort();
    exported.sort();
    match declared == exported {
        true => Ok(()),
        false => Err(PlatformError::Surfaces {
            plugin: manifest.name.clone(),
            declared: declared.join(", "),
            exported: exported.join(", "),
        }),
    }
}

fn exported(info: &PluginInfo) -> Vec<String> {
    info.surfaces
        .iter()
        .map(|info| info.surface.name().to_owned())
        .collect()
}

/// Refuses what a person writes down for a plugin that could do nothing with it:
/// requests are sent by connectors and notifiers alone.
pub(super) fn check_grant(manifest: &Manifest, grant: &Grant) -> Result<(), PlatformError> {
    let sends = |surface: &Surface| matches!(surface, Surface::Connector | Surface::Notifier);
    if grant.egress.is_empty() || manifest.surfaces.iter().any(sends) {
        return Ok(());
    }
    let surfaces: Vec<&str> = manifest.surfaces.iter().map(|s| s.name()).collect();
    Err(PlatformError::Grant {
        plugin: manifest.name.clone(),
        reason: format!(
            "it is a {} and sends no requests; leave the egress out",
            surfaces.join(" and a ")
        ),
    })
}
