//! Which Rust compiler builds a plugin: the project's own where it has the
//! target, else Debian's, which makes the target's standard library itself.
//! Installs nothing; says what to install.

use super::program::Program;
use crate::exit::CliError;
use crate::out::Out;
use std::ffi::OsString;
use std::path::Path;

const TARGET: &str = "wasm32-unknown-unknown";

/// The compiler of Debian's packages. rustup's shims must not come in between:
/// two compilers cannot use each other's standard library.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// What was set for another compiler and must not reach this one.
const FOREIGN: [&str; 10] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// Whether a build command compiles Rust for the target.
pub fn concerns(command: &[String]) -> bool {
    command.first().is_some_and(|program| program == "cargo")
        && command
            .iter()
            .any(|arg| arg == TARGET || arg.ends_with(&format!("={TARGET}")))
}

/// Sets a program up with a compiler that has the target.
pub fn choose(program: &mut Program, out: &Out) -> Result<(), CliError> {
    // The output is where the manifest says, not in a folder that is shared.
    program
        .unset
        .extend(["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"]);
    let in_dir = |rustc: &str, unset: &[&'static str]| Program {
        program: rustc.into(),
        args: vec!["--print".into(), "sysroot".into()],
        dir: program.dir.clone(),
        set: Vec::new(),
        unset: unset.to_vec(),
    };
    let own = in_dir("rustc", &[]).ask();
    if own.is_some_and(|sysroot| {
        let target = Path::new(&sysroot).join("lib/rustlib").join(TARGET);
        target.join("lib").is_dir()
    }) {
        return Ok(());
    }
    let debian = in_dir(DEBIAN_RUSTC, &FOREIGN).ask().is_some_and(|sysroot| {
        let source = "lib/rustlib/src/rust/library/Cargo.toml";
        Path::new(&sysroot).join(source).is_file() && Path::new(DEBIAN_CARGO).is_file()
    });
    let linker = Program {
        program: "wasm-ld".into(),
        args: vec!["--version".into()],
        dir: program.dir.clone(),
        ..Program::default()
    };
    if !debian || linker.ask().is_none() {
        return Err(CliError::failed(format!(
            "build the plugin: no Rust compiler here has the target {TARGET}"
        ))
        .with_hint(format!(
            "run `rustup target add {TARGET}`; where rustup cannot be reached, `apt-get install \
             --no-install-recommends rustc-web cargo-web rust-web-src lld`"
        )));
    }
    out.progress("using Debian's compiler: the active one does not have the target");
    let mut path = OsString::from("/usr/bin");
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    program.program = DEBIAN_CARGO.into();
    program.unset.extend(FOREIGN);
    program.set.extend([
        ("PATH", path),
        ("RUSTC", DEBIAN_RUSTC.into()),
        // `build-std` is unstable in name; this is the switch that
        // distributions use.
        ("RUSTC_BOOTSTRAP", "1".into()),
        ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()),
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
            "wasm-ld".into(),
        ),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cargo_for_the_target_is_concerned() {
        let command = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(concerns(&command(
            "cargo build --release --target wasm32-unknown-unknown"
        )));
        assert!(concerns(&command(
            "cargo build --target=wasm32-unknown-unknown"
        )));
        assert!(!concerns(&command("cargo build --target wasm32-wasip1")));
        assert!(!concerns(&command("npm run build")));
        assert!(!concerns(&[]));
    }
}
