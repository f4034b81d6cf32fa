//! The smallest scanner that scans, as a component of the real world.

use anyhow::{Context, Result};
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The name it is loaded under.
pub const NAME: &str = "tiny";

const MODULE: &str = include_str!("tiny.wat");

/// Makes the component; `workspace` has the WIT.
pub fn component(workspace: &Path) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_dir(workspace.join("wit/host"))?;
    let (package, _) = resolve.push_dir(workspace.join("wit/scanner"))?;
    let world = resolve.select_world(&[package], Some("scanner"))?;
    let mut module = wat::parse_str(MODULE).context("read tiny.wat")?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .encode()
        .context("make a component of tiny.wat")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sortie_git::UnifiedDiff;
    use sortie_model::finding::{Place, Side};
    use sortie_plugins::{PluginOptions, Plugins};
    use std::sync::Arc;

    #[tokio::test]
    async fn it_scans() {
        let wasm = component(Path::new("..")).unwrap();
        let plugins = Plugins::new(PluginOptions::default()).unwrap();
        plugins
            .load(NAME, wasm, serde_json::Value::Null)
            .await
            .unwrap();
        let text = "--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,3 @@\n-#[ignore]\n a\n+#[ignore]\n+b\n\
                    --- a/b.rs\n+++ b/b.rs\n@@ -1 +1 @@\n-a\n+  #[ignore = \"later\"]\n";
        let diff = UnifiedDiff::parse(text.as_bytes().to_vec()).unwrap();
        let found = plugins.scan(NAME, Arc::new(diff)).await.unwrap();
        let place = |path: &str, line| {
            Some(Place {
                path: path.into(),
                line,
                side: Side::New,
            })
        };
        let places: Vec<_> = found.iter().map(|f| f.place.clone()).collect();
        assert_eq!(places, [place("a.rs", 2), place("b.rs", 1)]);
        assert_eq!(found[0].evidence, "#[ignore]");
        assert_eq!(found[0].message, "this test does not run from now on");
    }
}
