//! Maven and Gradle, which ask for a proxy in files of their own and know no
//! variable: sandboxes always get those. Mirrors of Maven's settings go along,
//! without the servers' passwords that stand beside them.

use super::{Detected, Machine, Preset};
use sortie_wire::place;
use std::fmt::Write;

/// Where they look, in the home of a sandbox.
const SETTINGS: &str = ".m2/settings.xml";
const PROPERTIES: &str = ".gradle/gradle.properties";

/// The words of one mirror.
const WORDS: [&str; 3] = ["id", "mirrorOf", "url"];

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let mut mirrors = String::new();
    let path = machine.at_home(".m2/settings.xml");
    if let Some((path, text)) = path.and_then(|path| Some((path.clone(), machine.read(&path)?))) {
        let said_in = path.display().to_string();
        for mirror in read(&text) {
            let [_, _, url] = &mirror;
            if found.mirror(Preset::Maven, url, &said_in) {
                mirrors.push_str("<mirror>");
                for (word, value) in WORDS.iter().zip(&mirror) {
                    let _ = write!(mirrors, "<{word}>{}</{word}>", escape(value));
                }
                mirrors.push_str("</mirror>");
            }
        }
    }
    let (host, port) = place::EGRESS.split_once(':').unwrap_or((place::EGRESS, ""));
    let proxy = |scheme: &str| {
        format!(
            "<proxy><id>sortie-{scheme}</id><active>true</active><protocol>{scheme}</protocol>\
             <host>{host}</host><port>{port}</port>\
             <nonProxyHosts>localhost|127.0.0.1</nonProxyHosts></proxy>"
        )
    };
    found.put(
        Preset::Maven,
        &format!("{}/{SETTINGS}", place::HOME),
        format!(
            "<settings><proxies>{}{}</proxies><mirrors>{mirrors}</mirrors></settings>\n",
            proxy("http"),
            proxy("https")
        ),
    );
    let mut properties = String::new();
    for scheme in ["http", "https"] {
        let _ = writeln!(properties, "systemProp.{scheme}.proxyHost={host}");
        let _ = writeln!(properties, "systemProp.{scheme}.proxyPort={port}");
    }
    let path = format!("{}/{PROPERTIES}", place::HOME);
    found.put(Preset::Maven, &path, properties);
}

/// The mirrors of a settings file.
fn read(text: &str) -> Vec<[String; 3]> {
    let Ok(document) = roxmltree::Document::parse(text) else {
        return Vec::new();
    };
    let mirrors = document
        .descendants()
        .filter(|node| node.tag_name().name() == "mirror");
    mirrors
        .filter_map(|mirror| {
            let word = |name: &str| {
                let mut children = mirror.children();
                let found = children.find(|child| child.tag_name().name() == name)?;
                Some(found.text()?.trim().to_owned())
            };
            let [id, of, url] = WORDS;
            Some([word(id)?, word(of)?, word(url)?])
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
