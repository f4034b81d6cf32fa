//! What a component asks for and offers, judged before any of its code runs.

use semver::Version;
use sortie_model::surface::Surface;
use wasmtime::{Engine, component::Component};

use crate::{
    error::PluginError,
    options::MAX_COMPONENT_BYTES,
    plugin::{self, SurfaceInfo},
};

/// The version of every `sortie:` package this host speaks; all of `0.1.x`
/// link both ways.
const SPOKEN: (u64, u64) = (0, 1);

/// The WASI packages that are linked, with nothing behind them.
const WASI_PACKAGES: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// Refuses bytes that cannot be a component, before anything is compiled.
///
/// # Errors
///
/// [`PluginError::TooLarge`], [`PluginError::CoreModule`] or
/// [`PluginError::NotAComponent`].
pub(crate) fn preamble(plugin: &str, wasm: &[u8]) -> Result<(), PluginError> {
    let not = |reason: &str| PluginError::NotAComponent {
        plugin: plugin.to_owned(),
        reason: reason.to_owned(),
    };
    if wasm.len() > MAX_COMPONENT_BYTES {
        return Err(PluginError::TooLarge {
            plugin: plugin.to_owned(),
            bytes: wasm.len(),
            limit: MAX_COMPONENT_BYTES,
        });
    }
    let Some((preamble, _)) = wasm.split_first_chunk::<8>() else {
        return Err(not("it is shorter than the preamble"));
    };
    if &preamble[..4] != b"\0asm" {
        return Err(not("it does not begin with `\\0asm`"));
    }
    match preamble[6..] {
        [1, 0] => Ok(()),
        [0, 0] => Err(PluginError::CoreModule {
            plugin: plugin.to_owned(),
        }),
        _ => Err(not("its preamble names an unknown layer")),
    }
}

/// What [`check`] found.
pub(crate) struct Inspected {
    pub(crate) surfaces: Vec<SurfaceInfo>,
    pub(crate) imports: Vec<String>,
}

/// Checks the exports and imports of a component against the surfaces.
///
/// # Errors
///
/// [`PluginError::WrongWorld`], [`PluginError::WrongVersion`] or
/// [`PluginError::UndeclaredImport`].
pub(crate) fn check(
    plugin: &str,
    engine: &Engine,
    component: &Component,
) -> Result<Inspected, PluginError> {
    let ty = component.component_type();
    let mut surfaces = Vec::new();
    for (name, _) in ty.exports(engine) {
        let (interface, version) = split(name);
        let Some(surface) = Surface::ALL
            .into_iter()
            .find(|surface| plugin::interface(*surface) == interface)
        else {
            continue;
        };
        surfaces.push(SurfaceInfo {
            surface,
            version: spoken(plugin, interface, version)?,
        });
    }
    surfaces.sort_by_key(|info| info.surface);
    if surfaces.is_empty() {
        return Err(PluginError::WrongWorld {
            plugin: plugin.to_owned(),
            export: Surface::ALL
                .map(|surface| format!("{}@0.1.0", plugin::interface(surface)))
                .join("` or `"),
            reason: "is missing, so there is nothing it could be asked".into(),
        });
    }
    if let Some(pair) = surfaces.windows(2).find(|w| w[0].surface == w[1].surface) {
        return Err(PluginError::WrongWorld {
            plugin: plugin.to_owned(),
            export: plugin::interface(pair[0].surface).to_owned(),
            reason: "is there twice, in different versions".into(),
        });
    }

    let mut imports = Vec::new();
    for (name, _) in ty.imports(engine) {
        import(plugin, name, &surfaces)?;
        imports.push(name.to_owned());
    }
    Ok(Inspected { surfaces, imports })
}

fn import(plugin: &str, name: &str, surfaces: &[SurfaceInfo]) -> Result<(), PluginError> {
    let undeclared = |reason: &str| PluginError::UndeclaredImport {
        plugin: plugin.to_owned(),
        import: name.to_owned(),
        reason: reason.to_owned(),
    };
    let (interface, version) = split(name);
    let package = interface.split('/').next().unwrap_or(interface);
    if surfaces
        .iter()
        .any(|info| plugin::imports(info.surface).contains(&interface))
    {
        return spoken(plugin, interface, version).map(drop);
    }
    if package.starts_with("sortie:") {
        return Err(undeclared("which none of its surfaces may use"));
    }
    let effectful = surfaces.iter().any(|info| info.surface.is_effectful());
    if WASI_PACKAGES.contains(&package) || (effectful && package == "wasi:http") {
        let linked = version
            .and_then(|v| Version::parse(v).ok())
            .is_some_and(|v| v.major == 0 && v.minor == 2 && v.pre.is_empty());
        return if linked {
            Ok(())
        } else {
            Err(PluginError::WrongVersion {
                plugin: plugin.to_owned(),
                interface: interface.to_owned(),
                wanted: "0.2.x".into(),
                found: version.unwrap_or("none").to_owned(),
            })
        };
    }
    Err(undeclared(if package == "wasi:http" {
        "but pure plugins have no network; build it without HTTP"
    } else {
        "which this host does not offer"
    }))
}

/// `a:b/c@1.2.3` as interface and version.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

fn spoken(plugin: &str, interface: &str, version: Option<&str>) -> Result<String, PluginError> {
    version
        .filter(|v| {
            Version::parse(v).is_ok_and(|v| (v.major, v.minor) == SPOKEN && v.pre.is_empty())
        })
        .map(str::to_owned)
        .ok_or_else(|| PluginError::WrongVersion {
            plugin: plugin.to_owned(),
            interface: interface.to_owned(),
            wanted: "0.1.x".into(),
            found: version.unwrap_or("none").to_owned(),
        })
}
