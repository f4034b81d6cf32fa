//! pip and uv: an index in place of the public one, and further ones.

use super::{Detected, Machine, Preset};
use configparser::ini::Ini;

/// Sections whose words hold for an installation.
const SECTIONS: [&str; 3] = ["global", "install", "download"];

/// Variables that name one index, strongest first, and those that name more.
const ONE: [&str; 3] = ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"];
const MORE: [&str; 3] = ["PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"];

#[derive(Default)]
struct Indexes {
    /// The one in place of the public one, with where that was said.
    one: Option<(String, String)>,
    more: Vec<(String, String)>,
}

impl Indexes {
    fn one(&mut self, url: &str, said_in: &str) {
        if self.one.is_none() {
            self.one = Some((url.to_owned(), said_in.to_owned()));
        }
    }

    fn more(&mut self, urls: &str, said_in: &str) {
        for url in urls.split_whitespace() {
            // uv lets an index have a name in front.
            let url = match url.split_once('=') {
                Some((name, rest)) if !name.contains("://") => rest,
                _ => url,
            };
            self.more.push((url.to_owned(), said_in.to_owned()));
        }
    }
}

pub(super) fn detect(machine: &Machine, found: &mut Detected) {
    let mut indexes = Indexes::default();
    for name in ONE {
        if let Some(url) = machine.var(name) {
            indexes.one(url, name);
        }
    }
    for name in MORE {
        if let Some(urls) = machine.var(name) {
            indexes.more(urls, name);
        }
    }
    pip_files(machine, &mut indexes);
    uv_file(machine, &mut indexes);
    if let Some((url, said_in)) = &indexes.one
        && found.mirror(Preset::Pip, url, said_in)
    {
        for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"] {
            found.set(Preset::Pip, name, url);
        }
    }
    let mut clean = Vec::new();
    for (url, said_in) in &indexes.more {
        if found.mirror(Preset::Pip, url, said_in) && !clean.contains(url) {
            clean.push(url.clone());
        }
    }
    if !clean.is_empty() {
        let urls = clean.join(" ");
        for name in ["PIP_EXTRA_INDEX_URL", "UV_INDEX"] {
            found.set(Preset::Pip, name, &urls);
        }
    }
}

fn pip_files(machine: &Machine, indexes: &mut Indexes) {
    let named = machine.var("PIP_CONFIG_FILE").map(Into::into);
    let user = [
        machine.at_config("pip/pip.conf"),
        machine.at_home(".pip/pip.conf"),
    ];
    let system = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf"].map(|path| machine.at_root(path));
    let files = named.into_iter().chain(user.into_iter().flatten());
    for path in files.chain(system) {
        let Some(text) = machine.read(&path) else {
            continue;
        };
        let said_in = path.display().to_string();
        let mut ini = Ini::new();
        ini.set_multiline(true);
        if ini.read(text).is_err() {
            continue;
        }
        for section in SECTIONS {
            if let Some(url) = ini.get(section, "index-url") {
                indexes.one(url.trim(), &said_in);
            }
            if let Some(urls) = ini.get(section, "extra-index-url") {
                indexes.more(&urls, &said_in);
            }
        }
    }
}

fn uv_file(machine: &Machine, indexes: &mut Indexes) {
    let user = machine.at_config("uv/uv.toml");
    for path in user.into_iter().chain([machine.at_root("/etc/uv/uv.toml")]) {
        let Some(table) = machine
            .read(&path)
            .and_then(|text| text.parse::<toml::Table>().ok())
        else {
            continue;
        };
        let said_in = path.display().to_string();
        let text = |value: &toml::Value| value.as_str().map(str::to_owned);
        if let Some(url) = table.get("index-url").and_then(text) {
            indexes.one(&url, &said_in);
        }
        for index in table
            .get("index")
            .and_then(|v| v.as_array())
            .into_iter()
            .flatten()
        {
            let Some(url) = index.get("url").and_then(text) else {
                continue;
            };
            let default = index.get("default").and_then(toml::Value::as_bool);
            match default {
                Some(true) => indexes.one(&url, &said_in),
                _ => indexes.more(&url, &said_in),
            }
        }
    }
}
