//! Packages from real places: files, a web server and a registry on this
//! machine.

mod file;
mod own;
mod registry;
mod server;
mod web;

use std::time::Duration;

use sortie_package::fetch::{FetchError, FetchOptions, Fetched, Source, fetch};
use sortie_package::{Manifest, section};

/// Options with this limit of bytes.
fn at_most(max_bytes: u64) -> FetchOptions {
    FetchOptions {
        max_bytes,
        timeout: Duration::from_secs(60),
        ..FetchOptions::default()
    }
}

async fn get(source: &str, options: &FetchOptions) -> Result<Fetched, FetchError> {
    fetch(&Source::parse(source).expect("a source"), options).await
}

/// The least package of that name: a component with nothing but a manifest.
fn package(name: &str) -> Vec<u8> {
    let manifest = Manifest::from_toml(&format!(
        "name = {name:?}\nversion = \"1.2.3\"\ndescription = \"A test.\"\nlicense = \"MIT\"\nsurfaces = [\"scanner\"]\n"
    ))
    .expect("a manifest");
    section::embed(b"\0asm\x0d\0\x01\0", &manifest).expect("a component")
}
