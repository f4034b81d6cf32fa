//! A compiler's core module becomes a component. What is a component already
//! stays as it is. Runs nothing.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::layer::{Layer, LayerError};

/// What the sections are called in which bindings generators put a module's
/// world.
const WORLD_SECTION: &str = "component-type";

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentizeError {
    /// Not WebAssembly, or too much of it.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// Bytes that break off or make no sense.
    #[error("the module is damaged: {0}; build it again")]
    Damaged(String),
    /// Nothing says which world it is of.
    #[error(
        "the module does not say which surface it implements: it has no `component-type` section; \
         generate its bindings with wit-bindgen from Sortie's `wit/` and link what it generates \
         (in C, the file that ends in `_component_type.o`), and do not strip custom sections"
    )]
    NoWorld,
    /// It needs what no component gets.
    #[error(
        "the module imports `{module}`, which no component is given ({why}); build it for \
         `wasm32-unknown-unknown` or, with a libc, for `wasm32-wasip1` as a reactor"
    )]
    ForeignImport {
        /// The import's module.
        module: String,
        /// What is known about it.
        why: &'static str,
    },
    /// The module and its world do not agree.
    #[error("the module does not fit its world: {0}; build it against the WIT of this release")]
    Misfit(String),
}

/// A component of this core module, or the component itself.
///
/// A module that imports WASI preview 1 is given the reactor adapter, which
/// calls WASI 0.2 in its place.
///
/// # Errors
/// When it is no module that a component can be made of; the text says what to
/// do.
pub fn componentize(bytes: &[u8]) -> Result<Vec<u8>, ComponentizeError> {
    if Layer::of(bytes)? == Layer::Component {
        return Ok(bytes.to_vec());
    }
    let seen = look(bytes)?;
    if !seen.has_world {
        return Err(ComponentizeError::NoWorld);
    }
    let mut encoder = ComponentEncoder::default();
    let adapted = match seen.preview1 {
        true => encoder.adapter(PREVIEW1, REACTOR),
        false => Ok(&mut encoder),
    };
    adapted
        .and_then(|encoder| encoder.validate(true).module(bytes))
        .and_then(|encoder| encoder.encode())
        .map_err(|error| ComponentizeError::Misfit(format!("{error:#}")))
}

struct Seen {
    has_world: bool,
    preview1: bool,
}

fn look(module: &[u8]) -> Result<Seen, ComponentizeError> {
    let damaged =
        |error: wasmparser::BinaryReaderError| ComponentizeError::Damaged(error.to_string());
    let mut seen = Seen {
        has_world: false,
        preview1: false,
    };
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(damaged)? {
            Payload::CustomSection(section) => {
                seen.has_world |= section.name().starts_with(WORLD_SECTION);
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let module = import.map_err(damaged)?.module;
                    seen.preview1 |= module == PREVIEW1;
                    if let Some(why) = foreign(module) {
                        return Err(ComponentizeError::ForeignImport {
                            module: module.chars().take(80).collect(),
                            why,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(seen)
}

/// Imports that betray a module built for another host.
fn foreign(module: &str) -> Option<&'static str> {
    match module {
        "env" => Some("symbols that the linker did not find"),
        "wasi_unstable" => Some("WASI before its first preview"),
        "wbg" | "__wbindgen_placeholder__" => Some("wasm-bindgen's, for browsers"),
        "gojs" | "go" => Some("Go's for browsers; build with GOOS=wasip1 and -buildmode=c-shared"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_component_passes_unchanged() {
        let component = testing::component();
        assert_eq!(componentize(&component).unwrap(), component);
    }

    #[test]
    fn a_module_with_a_world_becomes_a_component() {
        let module = testing::module("(module (func (export \"run\")))");
        let component = componentize(&module).unwrap();
        assert_eq!(Layer::of(&component), Ok(Layer::Component));
    }

    #[test]
    fn wasi_preview_1_is_adapted() {
        let module = testing::module(
            r#"(module
              (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
              (memory (export "memory") 1)
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
              (func (export "run") (drop (call $random (i32.const 0) (i32.const 1)))))"#,
        );
        let component = componentize(&module).unwrap();
        let text = String::from_utf8_lossy(&component);
        assert!(
            text.contains("wasi:random/random@0.2"),
            "WASI 0.2 is imported in its place"
        );
    }

    #[test]
    fn what_cannot_be_one_is_told_what_to_do() {
        let bare = wat::parse_str("(module)").unwrap();
        for (bytes, said) in [
            (bare, "no `component-type` section"),
            (testing::module("(module)"), "does not fit its world"),
            (
                testing::module("(module (import \"env\" \"f\" (func)) (func (export \"run\")))"),
                "`env`",
            ),
            (
                testing::module(
                    "(module (import \"sortie:test/x\" \"f\" (func)) (func (export \"run\")))",
                ),
                "does not fit its world",
            ),
            (
                testing::module("(module (func (export \"run\")))")[..20].to_vec(),
                "damaged",
            ),
            (b"nothing".to_vec(), "no WebAssembly"),
        ] {
            let error = componentize(&bytes).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
