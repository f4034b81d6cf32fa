//! Rust: one module of the SDK, so that neither the SDK nor a plugin needs the generator or the WIT
//! to compile.

use crate::World;
use crate::output::Output;

/// The generated part of the Rust SDK.
///
/// # Errors
/// When the generator fails.
pub fn output(mut world: World) -> anyhow::Result<Output> {
    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        // The plugin's crate expands the macro, where `self` would be the plugin.
        pub_export_macro: true,
        export_macro_name: Some("export_world".into()),
        default_bindings_module: Some("$crate::bindings".into()),
        runtime_path: Some("::wit_bindgen::rt".into()),
        additional_derive_attributes: vec!["PartialEq".into()],
        ..Default::default()
    };
    let files = world.generate(&mut options.build())?;
    let mut output = Output::new("rust/src/bindings");
    for (_, contents) in files.iter() {
        output.add("mod.rs", contents);
    }
    Ok(output)
}
