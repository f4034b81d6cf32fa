//! The plugin's configuration, as the operator wrote it. It cannot change during a scan.

/// The value of one key: a string as it is, anything else as JSON text. None when it is not set.
pub fn text(key: &str) -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::sortie::host::config::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::config_text(key)
}

/// The whole configuration as one JSON object; `{}` when there is none.
pub fn json() -> String {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::sortie::host::config::all();
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::config_json()
}

/// The value of one key, or none when it is not set.
///
/// # Panics
/// When the value is not a `T`. A rule that cannot read its configuration must not pass a change,
/// so the scan ends, the gate stays shut, and the log says which key is wrong.
#[cfg(feature = "serde")]
pub fn get<T: serde::de::DeserializeOwned>(key: &str) -> Option<T> {
    let mut values: serde_json::Map<String, serde_json::Value> = load();
    let value = values.remove(key)?;
    match serde_json::from_value(value) {
        Ok(value) => Some(value),
        Err(error) => panic!("the configuration's `{key}` is not usable: {error}"),
    }
}

/// The whole configuration.
///
/// # Panics
/// When it is not a `T`, as [`get`] does.
#[cfg(feature = "serde")]
pub fn load<T: serde::de::DeserializeOwned>() -> T {
    match serde_json::from_str(&json()) {
        Ok(config) => config,
        Err(error) => panic!("the configuration is not usable: {error}"),
    }
}
