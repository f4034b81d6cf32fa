//! The peer of `cargo xtask bench extism`: the tiny scanner as a plugin of
//! extism, compiled once and called in a fresh instance each time.
//!
//! It is given a file with the change and speaks lines: `result` answers with
//! what one call returns, in hexadecimal, `turn N` with how many microseconds
//! each of N calls took. It ends with its input.

use extism::{CompiledPlugin, Error, Manifest, Plugin, PluginBuilder, Wasm};
use std::io::{self, BufRead, Write};
use std::time::Instant;

const PLUGIN: &[u8] = include_bytes!("tiny.wat");

fn main() -> Result<(), Error> {
    let path = std::env::args_os().nth(1);
    let change = std::fs::read(path.ok_or_else(|| Error::msg("name a file with a change"))?)?;
    let compiled = PluginBuilder::new(Manifest::new([Wasm::data(PLUGIN)]))
        .with_cache_disabled()
        .compile()?;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            None if line == "result" => {
                for byte in call(&compiled, &change)? {
                    write!(out, "{byte:02x}")?;
                }
            }
            Some(("turn", calls)) => {
                for _ in 0..calls.parse::<u32>()? {
                    let begun = Instant::now();
                    call(&compiled, &change)?;
                    write!(out, "{} ", begun.elapsed().as_secs_f64() * 1e6)?;
                }
            }
            _ => return Err(Error::msg(format!("understand {line:?}"))),
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// A call from a fresh store to its end; what the plugin's author does with
/// extism where calls must not see each other.
fn call(compiled: &CompiledPlugin, change: &[u8]) -> Result<Vec<u8>, Error> {
    let mut plugin = Plugin::new_from_compiled(compiled)?;
    let found: &[u8] = plugin.call("scan", change)?;
    Ok(found.to_vec())
}
