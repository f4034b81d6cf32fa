//! Go: packages inside the plugin's module, and the world as the contents of the custom section that
//! Go's linker cannot write itself.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use wit_component::StringEncoding;

use crate::World;
use crate::output::Output;

/// The import path of the generated packages.
const PACKAGE: &str = "local/my-rule/internal/wit";

/// What the generated packages stand on, and what they get instead: the template has the few lines
/// they need, so that a plugin is built without fetching anything.
const SUPPORT: [(&str, &str); 3] = [
    (
        "\"go.bytecodealliance.org/pkg/wit/runtime\"",
        "\"local/my-rule/internal/abi/runtime\"",
    ),
    (
        "\"go.bytecodealliance.org/pkg/wit/types\"",
        "\"local/my-rule/internal/abi/types\"",
    ),
    // Generated code calls this one, people write it.
    (
        "\"local/my-rule/internal/wit/exports/export_sortie_scanner_scan\"",
        "export_sortie_scanner_scan \"local/my-rule/internal/guest\"",
    ),
];

/// The generated part of the Go template.
///
/// # Errors
/// When the generator fails, or `gofmt` is missing: without it the files would differ.
pub fn output(mut world: World) -> anyhow::Result<Output> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool for developers; the host's door to programs is not here"
    )]
    let gofmt = Command::new("gofmt").stdin(Stdio::null()).status();
    if !gofmt.is_ok_and(|status| status.success()) {
        bail!("run gofmt: install Go and put it on PATH");
    }
    let section = wit_component::metadata::encode(
        &world.resolve,
        world.id,
        StringEncoding::UTF8,
        None,
        false,
    )
    .context("encode the world")?;
    let options = wit_bindgen_go::Opts {
        pkg_name: Some(PACKAGE.into()),
        quiet: true,
        ..Default::default()
    };
    let files = world.generate(&mut *options.build())?;
    let mut output = Output::new("go/template/internal/wit");
    output.add("component-type.bin", section);
    for (name, contents) in files.iter() {
        let mut text = String::from_utf8(contents.to_vec()).context("read a generated file")?;
        for (from, to) in SUPPORT {
            text = text.replace(from, to);
        }
        output.add(name, text);
    }
    Ok(output)
}
