//! C: a source, a header, and an object that carries nothing but the world.

use crate::World;
use crate::output::Output;

/// The generated part of the C template.
///
/// # Errors
/// When the generator fails.
pub fn output(mut world: World) -> anyhow::Result<Output> {
    let files = world.generate(&mut *wit_bindgen_c::Opts::default().build())?;
    let mut output = Output::new("c/template/bindings");
    for (name, contents) in files.iter() {
        output.add(name, contents);
    }
    Ok(output)
}
