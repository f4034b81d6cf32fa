//! Small guests for this crate's tests.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::manifest::Manifest;

/// A core module of a world that exports `run: func()`.
pub fn module(wat: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str(
            "test.wit",
            "package sortie:test; world guest { export run: func(); }",
        )
        .unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(wat).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    module
}

/// A component that exports `run: func()`.
pub fn component() -> Vec<u8> {
    crate::componentize::componentize(&module("(module (func (export \"run\")))")).unwrap()
}

/// The least manifest of that name.
pub fn manifest(name: &str) -> Manifest {
    Manifest::from_toml(&format!(
        "name = {name:?}\nversion = \"1.0.0\"\nsurfaces = [\"scanner\"]\n"
    ))
    .unwrap()
}
