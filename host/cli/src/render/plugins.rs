//! Plugins and packages, for people.

use super::plain;
use crate::out::{Out, Tone};
use crate::project::package::About;

/// What a package is and what it asks for.
pub fn package(out: &Out, file: &str, about: &About) -> String {
    let mut page = format!("{}\n", out.paint(Tone::Strong, file));
    let mut fact = |name: &str, value: &str| {
        let name = out.paint(Tone::Dim, &format!("{name:<10}"));
        page.push_str(&format!("  {name} {}\n", plain(value)));
    };
    fact("plugin", &format!("{} {}", about.name, about.version));
    if !about.description.is_empty() {
        fact("about", &about.description);
    }
    fact("digest", &about.digest);
    fact("size", &size(about.bytes));
    fact("surfaces", &about.surfaces.join(", "));
    fact("imports", &list(&about.imports));
    let asks: Vec<&str> = about.asks.iter().map(|ask| ask.wants.as_str()).collect();
    wants(out, &mut page, &asks);
    page.truncate(page.trim_end().len());
    page
}

/// What a plugin wants, one line each.
pub fn wants(out: &Out, page: &mut String, asks: &[&str]) {
    if asks.is_empty() {
        page.push_str("  it asks for nothing\n");
        return;
    }
    page.push_str("  it wants to\n");
    for ask in asks {
        page.push_str(&format!(
            "    {} {}\n",
            out.paint(Tone::Warn, "-"),
            plain(ask)
        ));
    }
}

fn list(items: &[String]) -> String {
    match items.is_empty() {
        true => "nothing".to_owned(),
        false => items.join(", "),
    }
}

/// Bytes in a unit that people read.
fn size(bytes: usize) -> String {
    const KIB: usize = 1 << 10;
    const MIB: usize = 1 << 20;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(size(7), "7 bytes");
        assert_eq!(size(106 << 10), "106 KiB");
        assert_eq!(size((12 << 20) + (1 << 19)), "12.5 MiB");
    }
}
